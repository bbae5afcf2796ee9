-- Rows that are older than what is there are none of this run's business: the statements after this need no fence.
DELETE FROM {staging}
WHERE id IN (SELECT s.id FROM {staging} s LEFT JOIN {table} t ON t.id = s.id WHERE {fenced})
