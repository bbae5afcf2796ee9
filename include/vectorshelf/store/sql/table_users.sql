SELECT string_agg(DISTINCT format('%%s (pid %%s)', coalesce(nullif(a.application_name, ''), a.backend_type), a.pid), ', ')
FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.relation = to_regclass(%(table)s) AND l.granted AND l.pid <> pg_backend_pid()
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
