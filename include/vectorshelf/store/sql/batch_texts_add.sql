INSERT INTO vectorshelf.batch_texts (space, sha256, job, line, position, text) VALUES %s
ON CONFLICT (space, sha256) DO NOTHING
RETURNING sha256
