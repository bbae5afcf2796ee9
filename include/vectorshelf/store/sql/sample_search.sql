SELECT t.embedding {operator} %(query)s::vector
FROM {table} t
WHERE t.embedding IS NOT NULL AND (%(copies)s OR t.embedding <> %(query)s::vector)
ORDER BY t.embedding{cast} {operator} %(query)s::vector{cast}
LIMIT %(k)s
