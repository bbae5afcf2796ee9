-- The texts of a page that have no vector, claimed as far as no living session has claimed them. In the order of the hashes,
-- so that two who claim the same texts wait for each other instead of deadlocking.
INSERT INTO vectorshelf.claims AS c (space, sha256, holder)
SELECT %(space)s, p.sha256, %(holder)s
FROM {pending} p
WHERE p.shard = %(shard)s AND p.position BETWEEN %(first)s AND %(last)s
  AND NOT EXISTS (SELECT FROM vectorshelf.vectors v WHERE v.space = %(space)s AND v.sha256 = p.sha256)
  AND NOT EXISTS (SELECT FROM vectorshelf.quarantine q
                  WHERE q.catalog = %(catalog)s AND q.kind = 'text' AND q.fingerprint = p.sha256 AND q.space = %(space)s)
  AND NOT EXISTS (SELECT FROM vectorshelf.batch_texts b WHERE b.space = %(space)s AND b.sha256 = p.sha256)
ORDER BY p.sha256
ON CONFLICT (space, sha256) DO UPDATE SET holder = excluded.holder
WHERE c.holder <> ALL (%(live)s)
