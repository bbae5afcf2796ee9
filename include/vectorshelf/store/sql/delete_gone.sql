DELETE FROM {table} t
WHERE (%(unfenced)s OR t.as_of IS NULL OR t.as_of <= %(as_of)s)
  AND NOT EXISTS (SELECT FROM {staging} s WHERE s.id = t.id)
