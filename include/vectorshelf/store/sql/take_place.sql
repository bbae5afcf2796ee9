-- What the catalog's table holds is now what the table that takes its place held.
UPDATE vectorshelf.catalogs
SET loaded_as_of = %(loaded_as_of)s, loaded_by = %(loaded_by)s, model = %(model)s,
    changed_rows = %(changed_rows)s, unvacuumed = %(unvacuumed)s, changes_as_of = %(changes_as_of)s
WHERE catalog = %(catalog)s
