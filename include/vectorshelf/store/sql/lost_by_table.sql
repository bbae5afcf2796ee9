SELECT count(*) FILTER (WHERE t.id IS NULL), count(*)
FROM {staging} s LEFT JOIN {table} t ON t.id = s.id
WHERE NOT s.deleted
