-- A catalog that comes back to a table it loaded before must not take it for an empty one.
UPDATE vectorshelf.catalogs
SET loaded_as_of = (SELECT max(as_of) FROM {table}),
    model = (SELECT model FROM {table} WHERE model IS NOT NULL LIMIT 1)
WHERE catalog = %(catalog)s
