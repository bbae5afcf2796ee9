INSERT INTO vectorshelf.vectors (space, sha256, embedding) VALUES %s ON CONFLICT DO NOTHING
