-- Who holds claims and is alive: the advisory locks of this database under the claims' class.
SELECT l.objid::bigint
FROM pg_locks l
WHERE l.locktype = 'advisory' AND l.classid = %(class)s AND l.objsubid = 2 AND l.granted
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
