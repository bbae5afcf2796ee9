INSERT INTO vectorshelf.vectors (space, sha256, embedding)
SELECT space, sha256, embedding
FROM pg_temp.vectorshelf_incoming
ORDER BY sha256
ON CONFLICT DO NOTHING
