INSERT INTO vectorshelf.requests (run_id, catalog, shard, space, texts, tokens, bytes, cost_usd, seconds)
VALUES (%(run_id)s, %(catalog)s, %(shard)s, %(space)s, %(texts)s, %(tokens)s, %(bytes)s, %(cost_usd)s, %(seconds)s)
