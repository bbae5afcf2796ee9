-- Texts the model refused stand in quarantine; their products are not in this run's catalog.
DELETE FROM {staging} s
USING vectorshelf.quarantine q
WHERE q.catalog = %(catalog)s AND q.kind = 'text' AND q.fingerprint = s.sha256 AND q.space = %(space)s
  AND NOT EXISTS (SELECT FROM vectorshelf.vectors v WHERE v.space = %(space)s AND v.sha256 = s.sha256)
