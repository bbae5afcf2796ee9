UPDATE vectorshelf.requests
SET texts = %(texts)s, tokens = %(tokens)s, bytes = %(bytes)s, cost_usd = %(cost_usd)s, seconds = %(seconds)s,
    held_usd = NULL, held_until = NULL
WHERE request_id = %(hold)s
