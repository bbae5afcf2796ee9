SELECT p.position, p.sha256, p.text
FROM {pending} p
WHERE p.shard = %(shard)s AND p.position > %(after)s
  AND NOT EXISTS (SELECT FROM vectorshelf.vectors v WHERE v.space = %(space)s AND v.sha256 = p.sha256)
  AND NOT EXISTS (SELECT FROM vectorshelf.quarantine q
                  WHERE q.catalog = %(catalog)s AND q.kind = 'text' AND q.fingerprint = p.sha256)
  AND NOT EXISTS (SELECT FROM vectorshelf.batch_texts b WHERE b.space = %(space)s AND b.sha256 = p.sha256)
ORDER BY p.position
LIMIT %(limit)s
