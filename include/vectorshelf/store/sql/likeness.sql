-- What LIKE does not copy: owner, tablespace, storage parameters, comment, and how the vectors are stored.
SELECT pg_get_userbyid(c.relowner), c.relowner = (SELECT oid FROM pg_roles WHERE rolname = current_user),
       s.spcname, coalesce(c.reloptions, '{}'), coalesce(o.reloptions, '{}'), obj_description(c.oid, 'pg_class'),
       CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'embedding'
LEFT JOIN pg_class o ON o.oid = c.reltoastrelid
LEFT JOIN pg_tablespace s ON s.oid = c.reltablespace
WHERE c.oid = %(table)s::regclass
