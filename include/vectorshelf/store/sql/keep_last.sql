WITH repeated AS (
    SELECT id, max(line) AS kept FROM {staging} GROUP BY id HAVING count(*) > 1
)
DELETE FROM {staging} s USING repeated r WHERE s.id = r.id AND s.line <> r.kept
