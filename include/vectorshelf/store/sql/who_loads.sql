-- Whose transaction has changed or locked this catalog's row: its xmax, as long as that transaction holds its own lock.
SELECT a.application_name, a.pid, round(extract(epoch FROM clock_timestamp() - a.xact_start))::bigint
FROM vectorshelf.catalogs c
JOIN pg_locks l ON l.locktype = 'transactionid' AND l.granted AND l.transactionid = c.xmax
JOIN pg_stat_activity a ON a.pid = l.pid
WHERE c.catalog = %(catalog)s
