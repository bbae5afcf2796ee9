-- A catalog's open jobs, and whether nobody else will come back for each: its run is over.
SELECT job, EXISTS (SELECT FROM vectorshelf.runs r WHERE r.run_id = j.run_id AND r.status <> 'running')
FROM vectorshelf.batch_jobs j
WHERE catalog = %(catalog)s AND state NOT IN ('collected', 'ended')
ORDER BY created_at, job
