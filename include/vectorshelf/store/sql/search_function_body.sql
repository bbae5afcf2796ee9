#variable_conflict use_variable
DECLARE
    wanted CONSTANT text := category;
    candidates CONSTANT bigint := {candidates}::bigint * k;  -- more than one a result: what the index holds is rounded
    knobs CONSTANT text[] := ARRAY['ivfflat.probes', 'hnsw.ef_search'];
    most CONSTANT integer[] := ARRAY[32768, 1000];
    before text[];
    hits text[];
BEGIN
    IF k IS NULL OR k < 1 THEN
        RAISE EXCEPTION 'k is %, must be 1 or more', coalesce(k::text, 'null') USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF vector_dims(query) <> {dimensions} THEN
        RAISE EXCEPTION 'the query has % numbers, the table holds vectors of {dimensions}', vector_dims(query)
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Embed the query with the model that embedded the table.';
    END IF;
    IF wanted IS NULL THEN
        RETURN QUERY
        WITH nearest AS MATERIALIZED (
            SELECT t.id, t.name, t.category, t.attributes, t.embedding {operator} query AS distance
            FROM {table} t WHERE t.embedding IS NOT NULL
            ORDER BY t.embedding{cast} {operator} query{cast} LIMIT candidates
        )
        -- "+ 0": since Postgres 17 the planner would else trust the index's order, which relaxed scans do not keep.
        SELECT n.id, n.name, n.category, n.attributes, {score} FROM nearest n
        ORDER BY n.distance + 0, n.id LIMIT k;
        RETURN;
    END IF;
    -- In a large category the index finds k rows soon; iterative scans go on until they have them. The nearest rows of
    -- one category lie further away than the nearest of all, in more lists.
    IF (SELECT count(*) FROM (SELECT FROM {table} t WHERE t.category = wanted LIMIT {few} + 1) c) > {few} THEN
        before := ARRAY(SELECT current_setting(knob) FROM unnest(knobs) WITH ORDINALITY u (knob, place) ORDER BY place);
        PERFORM set_config(knob, least({wider} * was::integer, top)::text, true)
        FROM unnest(knobs, before, most) u (knob, was, top);
        hits := ARRAY(
            SELECT t.id FROM {table} t WHERE t.category = wanted AND t.embedding IS NOT NULL
            ORDER BY t.embedding{cast} {operator} query{cast} LIMIT candidates
        );
        -- The knob that the function sets is set back with it; the other would stay raised to the transaction's end.
        PERFORM set_config(knob, was, true) FROM unnest(knobs, before) u (knob, was);
        IF cardinality(hits) >= k THEN
            RETURN QUERY
            SELECT n.id, n.name, n.category, n.attributes, {score}
            FROM (
                SELECT t.id, t.name, t.category, t.attributes, t.embedding {operator} query AS distance
                FROM {table} t WHERE t.id = ANY (hits)
            ) n
            ORDER BY n.distance, n.id LIMIT k;
            RETURN;
        END IF;
    END IF;
    -- A small one is read whole: exact, and sooner than a walk through the index for rows that are hardly in it.
    RETURN QUERY
    SELECT n.id, n.name, n.category, n.attributes, {score}
    FROM (
        SELECT t.id, t.name, t.category, t.attributes, t.embedding {operator} query AS distance
        FROM {table} t WHERE t.category = wanted AND t.embedding IS NOT NULL OFFSET 0
    ) n
    ORDER BY n.distance, n.id LIMIT k;
END
