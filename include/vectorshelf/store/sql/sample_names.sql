-- Every fourth one is a category: people look for kinds of things too.
SELECT CASE WHEN row_number() OVER (ORDER BY hashtextextended(id, %(seed)s)) %% 4 = 0 THEN category ELSE name END
FROM {table} WHERE embedding IS NOT NULL
ORDER BY hashtextextended(id, %(seed)s) LIMIT %(count)s
