INSERT INTO vectorshelf.quarantine (catalog, kind, fingerprint, id, line, reason, raw, run_id)
VALUES %s
ON CONFLICT (catalog, kind, fingerprint) DO UPDATE
SET id = excluded.id, line = excluded.line, reason = excluded.reason, raw = excluded.raw,
    run_id = excluded.run_id, last_seen = now()
