#variable_conflict use_variable
DECLARE
    wanted CONSTANT text := category;
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
            ORDER BY t.embedding {operator} query LIMIT k
        )
        -- "+ 0": since Postgres 17 the planner would else trust the index's order, which relaxed scans do not keep.
        SELECT n.id, n.name, n.category, n.attributes, {score} FROM nearest n ORDER BY n.distance + 0, n.id;
        RETURN;
    END IF;
    -- In a large category the index finds k rows soon; iterative scans go on until they have them. The nearest rows of
    -- one category lie further away than the nearest of all, in more lists.
    IF (SELECT count(*) FROM (SELECT FROM {table} t WHERE t.category = wanted LIMIT {few} + 1) c) > {few} THEN
        PERFORM set_config(knob, least({wider} * current_setting(knob)::integer, 1000)::text, true)
        FROM unnest(ARRAY['ivfflat.probes', 'hnsw.ef_search']) AS knob;
        hits := ARRAY(
            SELECT t.id FROM {table} t WHERE t.category = wanted AND t.embedding IS NOT NULL
            ORDER BY t.embedding {operator} query LIMIT k
        );
        IF cardinality(hits) = k THEN
            RETURN QUERY
            SELECT n.id, n.name, n.category, n.attributes, {score}
            FROM (SELECT t.*, t.embedding {operator} query AS distance FROM {table} t WHERE t.id = ANY (hits)) n
            ORDER BY n.distance, n.id;
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
