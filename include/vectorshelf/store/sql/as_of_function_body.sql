#variable_conflict use_variable
DECLARE
    wanted CONSTANT text := category;
    loaded record;
    width  integer;
BEGIN
    IF k IS NULL OR k < 1 THEN
        RAISE EXCEPTION 'k is %, must be 1 or more', coalesce(k::text, 'null') USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT d.as_of, d.space INTO loaded FROM vectorshelf.history_date({catalog}, as_of) d;
    SELECT s.dimensions INTO width FROM vectorshelf.spaces s WHERE s.space = loaded.space;
    IF vector_dims(query) <> width THEN
        RAISE EXCEPTION 'the query has % numbers, the vectors of that date have %', vector_dims(query), width
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Embed the query with the model that embedded that date.';
    END IF;
    RETURN QUERY
    SELECT n.id, n.name, n.category, n.attributes, {score}
    FROM (
        SELECT h.id, h.name, h.category, h.attributes,
               CASE WHEN v.sha256 IS NULL THEN vectorshelf.no_vector(h.id) ELSE v.embedding {operator} query END AS distance
        FROM vectorshelf.history h
        LEFT JOIN vectorshelf.vectors v ON v.space = loaded.space AND v.sha256 = h.sha256
        WHERE h.catalog = {catalog} AND h.valid_from <= loaded.as_of AND h.valid_to > loaded.as_of
          AND (wanted IS NULL OR h.category = wanted)
    ) n
    ORDER BY n.distance, n.id LIMIT k;
END
