-- Who may do what with the table and its columns. NULL: everybody.
SELECT a.privilege_type, pg_get_userbyid(nullif(a.grantee, 0)), a.is_grantable, NULL AS column_name
FROM pg_class c, aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) a
WHERE c.oid = %(table)s::regclass
UNION ALL
SELECT a.privilege_type, pg_get_userbyid(nullif(a.grantee, 0)), a.is_grantable, t.attname
FROM pg_attribute t, aclexplode(t.attacl) a
WHERE t.attrelid = %(table)s::regclass AND t.attnum > 0 AND NOT t.attisdropped
