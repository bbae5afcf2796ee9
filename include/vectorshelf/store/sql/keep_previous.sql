INSERT INTO vectorshelf.catalogs
    (catalog, standby_of, table_name, loaded_as_of, loaded_by, model, changed_rows, unvacuumed,
     changes_as_of)
VALUES (%(shelf)s, %(catalog)s, %(table)s, %(loaded_as_of)s, %(loaded_by)s, %(model)s, %(changed_rows)s, %(unvacuumed)s,
        %(changes_as_of)s)
