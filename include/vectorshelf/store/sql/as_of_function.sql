-- An exact search over one date's products. plpgsql, because its RETURN QUERY may use parallel workers; a custom plan,
-- because how much of the history a date is depends on the date.
CREATE OR REPLACE FUNCTION {function}(
    query {vector}, as_of timestamptz, k integer DEFAULT 10,
    OUT id text, OUT name text, INOUT category text DEFAULT NULL, OUT attributes jsonb, OUT score double precision
) RETURNS SETOF record
LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 1000000 ROWS 10
SET search_path = pg_catalog, {schema}, pg_temp
SET plan_cache_mode = force_custom_plan
SET jit = off
