-- Jobs to look at, and whether the run waits for them: its own, if they are of its space, and those that hold texts it needs.
SELECT job, holding OR (run_id = %(run_id)s AND space = %(space)s)
FROM (SELECT j.*,
             job IN (SELECT b.job
                     FROM {pending} p JOIN vectorshelf.batch_texts b ON b.space = %(space)s AND b.sha256 = p.sha256) AS holding
      FROM vectorshelf.batch_jobs j
      WHERE state <> 'ended') jobs
WHERE holding OR run_id = %(run_id)s OR (catalog = %(catalog)s AND state IN ('creating', 'submitted', 'collected'))
ORDER BY created_at, job
