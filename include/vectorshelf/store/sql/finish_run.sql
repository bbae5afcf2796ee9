UPDATE vectorshelf.runs
SET status = %(status)s,
    error = CASE WHEN %(status)s = 'failed' THEN coalesce(error, %(error)s) END,
    figures = coalesce(%(figures)s::jsonb, figures),
    finished_at = now()
WHERE run_id = %(run_id)s
  AND (status <> 'success' OR %(status)s = 'success')
