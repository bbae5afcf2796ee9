INSERT INTO vectorshelf.history_dates (catalog, as_of, space, products, run_id)
VALUES (%(catalog)s, %(as_of)s, %(space)s, %(products)s, %(run_id)s)
ON CONFLICT (catalog, as_of) DO UPDATE
SET space = excluded.space, products = excluded.products, run_id = excluded.run_id
