-- What a run and this month have cost so far, and what requests under way may cost at most. The month is UTC's.
SELECT coalesce(sum(cost_usd) FILTER (WHERE NOT live AND run_id = %(run_id)s), 0)  AS run_spent,
       coalesce(sum(held_usd) FILTER (WHERE live AND run_id = %(run_id)s), 0)      AS run_held,
       coalesce(sum(cost_usd) FILTER (WHERE NOT live AND this_month), 0)           AS month_spent,
       coalesce(sum(held_usd) FILTER (WHERE live AND this_month), 0)               AS month_held
FROM (SELECT run_id, cost_usd, held_usd,
             coalesce(held_until > statement_timestamp(), false)                   AS live,
             at >= date_trunc('month', statement_timestamp(), 'UTC')               AS this_month
      FROM vectorshelf.requests
      WHERE catalog = %(catalog)s AND (run_id = %(run_id)s OR at >= date_trunc('month', statement_timestamp(), 'UTC'))) r
