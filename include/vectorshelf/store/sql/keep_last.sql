-- The newest by its own date where rows have one, then the last in the file.
WITH ranked AS (
    SELECT id, line, row_number() OVER (PARTITION BY id ORDER BY dated DESC NULLS LAST, line DESC) AS place FROM {staging}
)
DELETE FROM {staging} s USING ranked r WHERE s.id = r.id AND s.line = r.line AND r.place > 1
