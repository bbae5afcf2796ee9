SELECT greatest(c.reltuples, 0)::bigint,
       pg_stat_get_dead_tuples(c.oid),
       CASE WHEN c.relpages > 0 THEN c.relallvisible::double precision / c.relpages ELSE 1 END
FROM pg_class c WHERE c.oid = %(table)s::regclass
