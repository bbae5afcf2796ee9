-- Columns of the user's own that hold values nothing could bring into another table. Generated ones make theirs.
SELECT attname FROM pg_attribute
WHERE attrelid = %(table)s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND attname <> ALL (%(ours)s)
ORDER BY attnum
