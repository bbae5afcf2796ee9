SELECT h.as_of, h.products, s.model, s.dimensions, h.run_id
FROM vectorshelf.history_date(%(catalog)s, %(moment)s) d
JOIN vectorshelf.history_dates h ON h.catalog = %(catalog)s AND h.as_of = d.as_of
JOIN vectorshelf.spaces s ON s.space = d.space
