-- The last minute's requests in steps of a quarter of a second (each stamped with its latest), after the limit's row is
-- locked; what is older is forgotten. Times are relative to the database's clock, the only one that counts.
WITH clock AS MATERIALIZED (
    SELECT clock_timestamp() AS now
), forgotten AS (
    DELETE FROM vectorshelf.rate_reservations r
     USING clock
     WHERE r.endpoint = %(endpoint)s AND r.model = %(model)s AND r.at < clock.now - interval '90 seconds'
)
SELECT extract(epoch FROM max(r.at) - clock.now)::float8 AS at, count(*)::float8, sum(r.tokens)
  FROM vectorshelf.rate_reservations r, clock
 WHERE r.endpoint = %(endpoint)s AND r.model = %(model)s AND r.at > clock.now - make_interval(secs => %(window)s)
 GROUP BY clock.now, floor(extract(epoch FROM r.at) * 4)
 ORDER BY 1
