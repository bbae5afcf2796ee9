-- The session that holds most of what the shard lacks, and the newest request for this model: a sign that somebody works.
SELECT (SELECT format('%%s (server process %%s)', coalesce(nullif(a.application_name, ''), 'a session without a name'), a.pid)
        FROM (SELECT c.holder, count(*) AS texts
              FROM {pending} p JOIN vectorshelf.claims c ON c.space = %(space)s AND c.sha256 = p.sha256
              WHERE p.shard = %(shard)s GROUP BY c.holder ORDER BY 2 DESC LIMIT 1) most
        JOIN pg_locks l ON l.locktype = 'advisory' AND l.classid = %(class)s AND l.objid = most.holder AND l.objsubid = 2
        JOIN pg_stat_activity a ON a.pid = l.pid
        WHERE l.granted AND l.database = a.datid
        LIMIT 1),
       (SELECT max(request_id) FROM (SELECT request_id FROM vectorshelf.requests WHERE space = %(space)s
                                     ORDER BY request_id DESC LIMIT 1) newest)
