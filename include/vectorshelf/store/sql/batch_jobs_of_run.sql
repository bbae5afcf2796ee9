-- Jobs to look at: whether the run waits for each, and whether nobody else will come back for it.
SELECT job, awaited, NOT awaited AND (run_id = %(run_id)s OR closed)
FROM (SELECT j.job, j.run_id, j.catalog, j.state, j.created_at,
             run_id = %(run_id)s AND space = %(space)s
             OR job IN (SELECT b.job
                        FROM {pending} p
                        JOIN vectorshelf.batch_texts b ON b.space = %(space)s AND b.sha256 = p.sha256) AS awaited,
             EXISTS (SELECT FROM vectorshelf.runs r WHERE r.run_id = j.run_id AND r.status <> 'running') AS closed
      FROM vectorshelf.batch_jobs j
      WHERE state <> 'ended') jobs
WHERE awaited OR run_id = %(run_id)s OR (catalog = %(catalog)s AND (closed OR state IN ('creating', 'submitted', 'collected')))
ORDER BY created_at, job
