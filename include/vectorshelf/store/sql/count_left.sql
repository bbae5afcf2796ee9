-- Texts of the shard that have no vector yet, are not known to be refused, and are in no job of the Batch API.
SELECT count(*)
FROM {pending} p
WHERE p.shard = %(shard)s
  AND NOT EXISTS (SELECT FROM vectorshelf.vectors v WHERE v.space = %(space)s AND v.sha256 = p.sha256)
  AND NOT EXISTS (SELECT FROM vectorshelf.quarantine q
                  WHERE q.catalog = %(catalog)s AND q.kind = 'text' AND q.fingerprint = p.sha256 AND q.space = %(space)s)
  AND NOT EXISTS (SELECT FROM vectorshelf.batch_texts b WHERE b.space = %(space)s AND b.sha256 = p.sha256)
