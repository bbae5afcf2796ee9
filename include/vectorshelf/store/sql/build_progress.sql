-- The count of the phase in tuples where Postgres counts them, else in blocks.
SELECT p.phase,
       CASE WHEN p.tuples_total > 0 THEN p.tuples_done ELSE p.blocks_done END,
       CASE WHEN p.tuples_total > 0 THEN p.tuples_total ELSE p.blocks_total END,
       (SELECT format('%%s (pid %%s)', coalesce(nullif(a.application_name, ''), a.backend_type), a.pid)
        FROM pg_stat_activity a WHERE a.pid = p.current_locker_pid)
FROM pg_stat_progress_create_index p
WHERE p.pid = %(pid)s
