-- plpgsql with custom plans: a filter's plan must fit its category, and the planner weighs the index by the probes in force.
CREATE OR REPLACE FUNCTION {function}(
    query {vector}, k integer DEFAULT 10,
    OUT id text, OUT name text, INOUT category text DEFAULT NULL, OUT attributes jsonb, OUT score double precision
) RETURNS SETOF record
LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 10000 ROWS 10
{settings}
