DELETE FROM {table} t
USING {staging} s
WHERE s.id = t.id AND s.deleted
