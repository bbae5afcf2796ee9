-- The columns as far as they must be alike in a table and its successor; how wide the vectors are is not among that.
SELECT attname, format_type(atttypid, CASE WHEN attname = 'embedding' THEN -1 ELSE atttypmod END), attnotnull, attgenerated
FROM pg_attribute
WHERE attrelid = %(table)s::regclass AND attnum > 0 AND NOT attisdropped
ORDER BY attname
