-- What a catalog's tables hold: the one that serves, and those that stand by. Dimensions as the table has them by now.
SELECT coalesce(substr(c.catalog, length(c.standby_of) + 2), 'serving'),
       c.table_name, c.loaded_as_of, c.loaded_by, c.model, a.atttypmod, c.changed_rows, c.unvacuumed,
       c.changes_as_of
FROM vectorshelf.catalogs c
LEFT JOIN pg_attribute a ON a.attrelid = to_regclass(c.table_name) AND a.attname = 'embedding' AND NOT a.attisdropped
WHERE %(catalog)s IN (c.catalog, c.standby_of)
