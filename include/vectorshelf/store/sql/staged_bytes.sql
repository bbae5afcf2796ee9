-- What the serving table's own columns will take, as Postgres stores them.
SELECT coalesce(sum(pg_column_size(id) + pg_column_size(name) + pg_column_size(category) + pg_column_size(attributes)), 0)
FROM {staging} WHERE NOT deleted
