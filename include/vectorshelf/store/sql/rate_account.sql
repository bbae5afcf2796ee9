SELECT server_requests_per_minute,
       server_tokens_per_minute,
       factor,
       extract(epoch FROM clock_timestamp() - factor_at)::float8,
       greatest(0, extract(epoch FROM blocked_until - clock_timestamp()))::float8,
       generation
  FROM vectorshelf.rate_limits
 WHERE endpoint = %(endpoint)s AND model = %(model)s
   FOR UPDATE
