SELECT coalesce(sum(tokens), 0), coalesce(sum(bytes), 0)
FROM (SELECT tokens, bytes FROM vectorshelf.requests
      WHERE space = %(space)s AND bytes > 0 AND held_until IS NULL
      ORDER BY request_id DESC LIMIT 1000) recent
