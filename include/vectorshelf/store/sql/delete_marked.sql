DELETE FROM {table} t
USING {staging} s
WHERE s.id = t.id AND s.deleted AND (t.as_of IS NULL OR t.as_of <= %(as_of)s)
