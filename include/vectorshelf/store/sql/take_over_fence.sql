-- A catalog that comes back to a table it loaded before must not take it for an empty one. The ledger knows what was
-- loaded into it; a night that only deleted left no row with its date. Rows speak where the ledger knows nothing.
WITH loads AS (
    SELECT request #>> '{{catalog,mode}}' AS mode, as_of
    FROM vectorshelf.runs r
    WHERE r.catalog = %(catalog)s AND r.status = 'success' AND r.request ->> 'limit' IS NULL
      AND r.figures ->> 'skipped' IS NULL AND EXISTS (SELECT FROM {table})
      AND r.request #>> '{{catalog,table}}' IN (%(table)s, %(bare_table)s)
)
UPDATE vectorshelf.catalogs
SET loaded_as_of = CASE WHEN EXISTS (SELECT FROM loads)
                        THEN (SELECT max(as_of) FROM loads WHERE mode = 'snapshot')
                        ELSE (SELECT max(as_of) FROM {table}) END,
    changes_as_of = (SELECT max(as_of) FROM loads WHERE mode = 'delta'),
    model = (SELECT model FROM {table} WHERE model IS NOT NULL LIMIT 1)
WHERE catalog = %(catalog)s
