INSERT INTO vectorshelf.quarantine (catalog, kind, fingerprint, id, line, reason, raw, run_id, space)
VALUES %s
ON CONFLICT (catalog, kind, fingerprint, space) DO UPDATE
SET id = excluded.id, line = excluded.line, reason = excluded.reason, raw = excluded.raw,
    run_id = excluded.run_id, last_seen = now()
