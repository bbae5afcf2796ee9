INSERT INTO vectorshelf.catalogs (catalog, standby_of, table_name, model)
VALUES (%(shelf)s, %(catalog)s, %(table)s, %(model)s)
