-- A new generation tells everybody with a place in the queue to ask again under what is known now.
UPDATE vectorshelf.rate_limits
   SET server_requests_per_minute = %(server_requests)s,
       server_tokens_per_minute = %(server_tokens)s,
       factor = %(factor)s,
       factor_at = clock_timestamp() - make_interval(secs => %(factor_age)s),
       blocked_until = clock_timestamp() + make_interval(secs => %(blocked_for)s),
       generation = generation + 1
 WHERE endpoint = %(endpoint)s AND model = %(model)s
