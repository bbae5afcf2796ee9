DELETE FROM {table} t
WHERE NOT EXISTS (SELECT FROM {staging} s WHERE s.id = t.id)
