-- One row per index on the table: name, oid, type, operator class, ivfflat's lists, validity, first column.
SELECT c.relname, c.oid::bigint, am.amname, oc.opcname,
       (SELECT option_value::integer FROM pg_options_to_table(c.reloptions) WHERE option_name = 'lists'),
       i.indisvalid, pg_get_indexdef(i.indexrelid, 1, true), i.indpred IS NOT NULL
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_am am ON am.oid = c.relam
JOIN pg_opclass oc ON oc.oid = i.indclass[0]
WHERE i.indrelid = %(table)s::regclass
