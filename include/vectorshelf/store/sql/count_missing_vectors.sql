SELECT count(*)
FROM {staging} s LEFT JOIN {table} t ON t.id = s.id
WHERE NOT s.deleted
  AND (t.text_hash, t.model) IS DISTINCT FROM (s.sha256, %(model)s)
  AND NOT EXISTS (SELECT FROM vectorshelf.vectors v WHERE v.space = %(space)s AND v.sha256 = s.sha256)
