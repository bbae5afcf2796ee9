-- Jobs to see through before the run can go on: its own, and those of other runs that hold texts it needs.
SELECT job FROM vectorshelf.batch_jobs
WHERE state <> 'ended'
  AND (run_id = %(run_id)s
       OR job IN (SELECT b.job FROM {pending} p JOIN vectorshelf.batch_texts b ON b.space = %(space)s AND b.sha256 = p.sha256))
ORDER BY created_at, job
