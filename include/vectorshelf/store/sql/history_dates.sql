SELECT d.as_of, d.products, s.model, s.dimensions, d.run_id
FROM vectorshelf.history_dates d LEFT JOIN vectorshelf.spaces s ON s.space = d.space
WHERE d.catalog = %(catalog)s
ORDER BY d.as_of
