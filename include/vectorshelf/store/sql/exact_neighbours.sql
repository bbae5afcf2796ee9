-- The true neighbours of every query in one scan of the table. subvector makes a copy of the vector that all queries
-- share: compared as it is, it would be fetched from the TOAST table again for each of them.
SELECT hit.number, (array_agg(hit.distance ORDER BY hit.distance))[:%(k)s]
FROM (SELECT subvector(t.embedding, 1, {dimensions}) AS embedding FROM {table} t WHERE t.embedding IS NOT NULL OFFSET 0) t
CROSS JOIN LATERAL (
    SELECT q.number, t.embedding {operator} q.embedding AS distance
    FROM unnest(%(queries)s::vector[], %(radii)s::double precision[]) WITH ORDINALITY AS q (embedding, radius, number)
    WHERE t.embedding {operator} q.embedding <= q.radius AND (%(copies)s OR t.embedding <> q.embedding)
    OFFSET 0
) hit
GROUP BY hit.number
