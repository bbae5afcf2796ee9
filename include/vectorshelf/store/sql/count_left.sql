-- Texts of the shard that have no vector yet, and are not known to be refused.
SELECT count(*)
FROM {pending} p
WHERE p.shard = %(shard)s
  AND NOT EXISTS (SELECT FROM vectorshelf.vectors v WHERE v.space = %(space)s AND v.sha256 = p.sha256)
  AND NOT EXISTS (SELECT FROM vectorshelf.quarantine q
                  WHERE q.catalog = %(catalog)s AND q.kind = 'text' AND q.fingerprint = p.sha256 AND q.space = %(space)s)
