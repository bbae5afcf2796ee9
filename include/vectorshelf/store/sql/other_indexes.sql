-- Indexes that do not hold vectors, each with what follows the table's name in its definition, or its constraint.
SELECT i.relname, x.indisunique, pg_get_constraintdef(k.oid),
       substr(d.definition, strpos(d.definition, d.head) + length(d.head))
FROM pg_index x
JOIN pg_class i ON i.oid = x.indexrelid
JOIN pg_am am ON am.oid = i.relam
JOIN pg_class t ON t.oid = x.indrelid
JOIN pg_namespace n ON n.oid = t.relnamespace
LEFT JOIN pg_constraint k ON k.conindid = x.indexrelid AND k.conrelid = t.oid AND k.contype IN ('p', 'u', 'x')
CROSS JOIN LATERAL (
    SELECT pg_get_indexdef(x.indexrelid) AS definition, format(' ON %%I.%%I USING ', n.nspname, t.relname) AS head) d
WHERE x.indrelid = %(table)s::regclass AND x.indisvalid AND am.amname NOT IN ('ivfflat', 'hnsw')
ORDER BY i.oid
