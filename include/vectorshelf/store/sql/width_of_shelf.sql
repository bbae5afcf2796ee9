SELECT a.atttypmod
FROM vectorshelf.catalogs c
JOIN pg_attribute a ON a.attrelid = to_regclass(c.table_name) AND a.attname = 'embedding' AND NOT a.attisdropped
WHERE c.catalog = %(shelf)s
