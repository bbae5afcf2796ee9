INSERT INTO vectorshelf.runs (run_id, catalog, as_of, request)
VALUES (%(run_id)s, %(catalog)s, %(as_of)s, %(request)s)
ON CONFLICT (run_id) DO UPDATE
SET as_of = excluded.as_of, request = excluded.request, status = 'running', error = NULL,
    started_at = now(), finished_at = NULL, figures = NULL
