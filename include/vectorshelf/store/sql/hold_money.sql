INSERT INTO vectorshelf.requests
    (run_id, catalog, shard, space, texts, tokens, bytes, cost_usd, seconds, held_usd, held_until)
VALUES (%(run_id)s, %(catalog)s, %(shard)s, %(space)s, %(texts)s, %(tokens)s, %(bytes)s, %(unheard_usd)s, 0,
        %(most_usd)s, clock_timestamp() + make_interval(secs => %(seconds)s))
RETURNING request_id
