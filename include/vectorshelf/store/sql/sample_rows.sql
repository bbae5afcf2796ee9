SELECT embedding::text
FROM (SELECT id FROM {table} WHERE embedding IS NOT NULL ORDER BY hashtextextended(id, %(seed)s) LIMIT %(count)s) chosen
JOIN {table} USING (id)
