INSERT INTO vectorshelf.catalogs AS c (catalog, table_name)
VALUES (%(catalog)s, %(table)s)
ON CONFLICT (catalog) DO UPDATE
SET table_name = excluded.table_name,
    loaded_as_of = NULL, loaded_by = NULL, changes_as_of = NULL, model = NULL, changed_rows = 0, unvacuumed = 0
WHERE c.table_name <> excluded.table_name
RETURNING xmax <> 0 AS moved
