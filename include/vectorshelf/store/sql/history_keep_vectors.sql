-- A table may serve what a pruned store has lost: history points into the store, so it goes back there.
INSERT INTO vectorshelf.vectors (space, sha256, embedding)
SELECT DISTINCT ON (s.sha256) %(space)s, s.sha256, t.embedding
FROM {staging} s JOIN {table} t ON t.id = s.id AND t.text_hash = s.sha256 AND t.model = %(model)s
WHERE NOT s.deleted AND t.embedding IS NOT NULL
  AND NOT EXISTS (SELECT FROM vectorshelf.vectors v WHERE v.space = %(space)s AND v.sha256 = s.sha256)
ORDER BY s.sha256
ON CONFLICT DO NOTHING
