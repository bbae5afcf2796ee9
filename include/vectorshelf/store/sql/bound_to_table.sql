-- What is tied to the table itself and not to its name: it would stay with the old table when another takes the name.
WITH t AS (SELECT oid, reltype, relkind, relrowsecurity FROM pg_class WHERE oid = %(table)s::regclass)
SELECT DISTINCT what FROM (
    SELECT pg_describe_object('pg_class'::regclass, r.ev_class, 0) AS what
    FROM t JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid AND d.classid = 'pg_rewrite'::regclass
           JOIN pg_rewrite r ON r.oid = d.objid AND r.ev_class <> t.oid
    UNION ALL
    SELECT pg_describe_object('pg_rewrite'::regclass, r.oid, 0) FROM t JOIN pg_rewrite r ON r.ev_class = t.oid
    UNION ALL
    SELECT pg_describe_object('pg_constraint'::regclass, c.oid, 0)
    FROM t JOIN pg_constraint c ON c.contype = 'f' AND t.oid IN (c.conrelid, c.confrelid)
    UNION ALL
    SELECT pg_describe_object('pg_trigger'::regclass, g.oid, 0)
    FROM t JOIN pg_trigger g ON g.tgrelid = t.oid AND NOT g.tgisinternal
    UNION ALL
    SELECT pg_describe_object('pg_policy'::regclass, p.oid, 0) FROM t JOIN pg_policy p ON p.polrelid = t.oid
    UNION ALL
    SELECT 'row level security' FROM t WHERE t.relrowsecurity
    UNION ALL
    SELECT 'its partitions' FROM t WHERE t.relkind = 'p'
    UNION ALL
    SELECT format('inheritance of %%s from %%s', i.inhrelid::regclass, i.inhparent::regclass)
    FROM t JOIN pg_inherits i ON t.oid IN (i.inhrelid, i.inhparent)
    UNION ALL
    SELECT pg_describe_object('pg_publication_rel'::regclass, p.oid, 0) FROM t JOIN pg_publication_rel p ON p.prrelid = t.oid
    UNION ALL
    -- Functions with a parsed body, and whatever has the table's row type: functions, columns of other tables.
    SELECT pg_describe_object(d.classid, d.objid, d.objsubid)
    FROM t JOIN pg_depend d ON d.deptype = 'n' AND d.classid IN ('pg_proc'::regclass, 'pg_class'::regclass)
        AND (d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid AND d.classid = 'pg_proc'::regclass
             OR d.refclassid = 'pg_type'::regclass
                AND d.refobjid IN (t.reltype, (SELECT typarray FROM pg_type WHERE pg_type.oid = t.reltype)))
) bound
ORDER BY what
