SELECT count(*)
FROM {staging} s
WHERE NOT s.deleted
  AND NOT EXISTS (SELECT FROM vectorshelf.vectors v WHERE v.space = %(space)s AND v.sha256 = s.sha256)
