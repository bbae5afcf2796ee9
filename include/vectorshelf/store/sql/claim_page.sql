-- The texts of a page that have no vector and no living claimant, claimed. Whether a holder is dead is asked of its lock, at
-- that very row: a list made before could lack a session that has begun since. In the order of the hashes, like every
-- statement that locks claims, so that nobody deadlocks.
INSERT INTO vectorshelf.claims AS c (space, sha256, holder)
SELECT %(space)s, p.sha256, %(holder)s
FROM {pending} p
WHERE p.shard = %(shard)s AND p.position BETWEEN %(first)s AND %(last)s
  AND NOT EXISTS (SELECT FROM vectorshelf.vectors v WHERE v.space = %(space)s AND v.sha256 = p.sha256)
  AND NOT EXISTS (SELECT FROM vectorshelf.quarantine q
                  WHERE q.catalog = %(catalog)s AND q.kind = 'text' AND q.fingerprint = p.sha256 AND q.space = %(space)s)
  AND NOT EXISTS (SELECT FROM vectorshelf.batch_texts b WHERE b.space = %(space)s AND b.sha256 = p.sha256)
  AND coalesce((SELECT o.holder <> %(holder)s AND pg_try_advisory_xact_lock(%(class)s, o.holder)
                FROM vectorshelf.claims o WHERE o.space = %(space)s AND o.sha256 = p.sha256), true)
ORDER BY p.sha256
ON CONFLICT (space, sha256) DO UPDATE SET holder = excluded.holder
WHERE pg_try_advisory_xact_lock(%(class)s, c.holder)
