SELECT
    (SELECT jsonb_build_object('run_id', run_id, 'status', status, 'as_of', as_of, 'started_at', started_at,
                               'finished_at', finished_at, 'error', error, 'skipped', figures ->> 'skipped')
     FROM vectorshelf.runs WHERE catalog = %(catalog)s
     ORDER BY started_at DESC LIMIT 1)                                                        AS last_run,
    (SELECT greatest(loaded_as_of, changes_as_of) FROM vectorshelf.catalogs WHERE catalog = %(catalog)s)                AS table_as_of,
    (SELECT count(*) FROM vectorshelf.quarantine WHERE catalog = %(catalog)s)                  AS quarantine,
    (SELECT recall FROM vectorshelf.index_log WHERE catalog = %(catalog)s AND recall IS NOT NULL
     ORDER BY at DESC LIMIT 1)                                                                AS recall,
    (SELECT coalesce(sum(cost_usd), 0) FROM vectorshelf.requests
     WHERE catalog = %(catalog)s AND at >= date_trunc('month', now(), 'UTC'))                  AS spent_usd_month
