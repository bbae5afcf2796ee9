-- A line's promise of money lives as long as its job may.
UPDATE vectorshelf.requests
SET held_until = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE request_id = %(hold)s AND held_until IS NOT NULL
