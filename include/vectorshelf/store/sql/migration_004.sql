-- History (docs/decisions/0013): which products were on sale at which loaded date, without a second copy of any vector.

-- One row per catalog and date a whole snapshot was loaded for. `space` says whose vectors it was loaded with; NULL: it was
-- loaded while the catalog kept no history, so that nothing is known of it, and a question about it must not be answered
-- with the date before.
CREATE TABLE vectorshelf.history_dates (
    catalog  text        NOT NULL,
    as_of    timestamptz NOT NULL,
    space    integer     REFERENCES vectorshelf.spaces,
    products bigint,                                         -- on sale at that date
    run_id   text        NOT NULL,                           -- the last run that loaded it
    PRIMARY KEY (catalog, as_of)
);

-- One row per product and stretch of loaded dates in which it stood unchanged: from valid_from up to, not including,
-- valid_to. A stretch that reaches the first loaded date begins at -infinity, one that reaches the last ends at infinity:
-- so a date loaded before or after all others touches only what differs there. Stretches are as long as can be: the rows
-- are a function of the snapshots alone. The vector is the store's, under the date's space and this sha256.
CREATE TABLE vectorshelf.history (
    catalog    text        NOT NULL,
    id         text        NOT NULL,
    valid_from timestamptz NOT NULL,
    valid_to   timestamptz NOT NULL,
    name       text        NOT NULL,
    category   text        NOT NULL,
    attributes jsonb       NOT NULL,
    sha256     bytea       NOT NULL,
    PRIMARY KEY (catalog, id, valid_from),
    CHECK (valid_from < valid_to)
);

-- What whoever prunes vectorshelf.vectors must leave there.
CREATE VIEW vectorshelf.history_vectors AS
SELECT DISTINCT s.space, h.sha256
FROM vectorshelf.spaces s
JOIN vectorshelf.history h ON EXISTS (
    SELECT FROM vectorshelf.history_dates d
    WHERE d.catalog = h.catalog AND d.space = s.space AND d.as_of >= h.valid_from AND d.as_of < h.valid_to
);

-- The loaded date in force at `moment`: the newest at or before it. Raises where history has no answer.
CREATE FUNCTION vectorshelf.history_date(
    of_catalog text, moment timestamptz, OUT as_of timestamptz, OUT space integer
) LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
#variable_conflict use_column
DECLARE
    shape CONSTANT text := 'YYYY-MM-DD HH24:MI:SS "UTC"';
    asked CONSTANT text := to_char(moment AT TIME ZONE 'UTC', shape);
    first timestamptz;
    last  timestamptz;
BEGIN
    IF moment IS NULL THEN
        RAISE EXCEPTION 'as_of is null: name the moment to go back to' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT min(d.as_of) FILTER (WHERE d.space IS NOT NULL), max(d.as_of) INTO first, last
    FROM vectorshelf.history_dates d WHERE d.catalog = of_catalog;
    IF first IS NULL THEN
        RAISE EXCEPTION '% keeps no history yet', of_catalog USING ERRCODE = 'no_data_found',
            HINT = format('set `history: true` in its catalog file: what `vectorshelf run %s` loads from then on, also '
                          'for past dates, can be asked for', of_catalog);
    END IF;
    IF moment > greatest(last, now()) + interval '5 minutes' THEN
        RAISE EXCEPTION '% is in the future', asked USING ERRCODE = 'invalid_parameter_value',
            HINT = 'ask for a moment that has passed';
    END IF;
    SELECT d.as_of, d.space INTO history_date.as_of, history_date.space
    FROM vectorshelf.history_dates d WHERE d.catalog = of_catalog AND d.as_of <= moment
    ORDER BY d.as_of DESC LIMIT 1;
    IF history_date.as_of IS NULL OR history_date.space IS NULL AND history_date.as_of < first THEN
        RAISE EXCEPTION 'the history of % begins at %, and % is before that',
            of_catalog, to_char(first AT TIME ZONE 'UTC', shape), asked USING ERRCODE = 'no_data_found',
            HINT = format('load an earlier snapshot: `vectorshelf run %s --as-of DATE`', of_catalog);
    END IF;
    IF history_date.space IS NULL THEN
        RAISE EXCEPTION 'the snapshot of %, in force at %, was loaded while % kept no history',
            to_char(history_date.as_of AT TIME ZONE 'UTC', shape), asked, of_catalog USING ERRCODE = 'no_data_found',
            HINT = format('with `history: true`, load it again: `vectorshelf run %s --as-of %s`', of_catalog,
                          to_char(history_date.as_of AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'));
    END IF;
END $$;

-- In place of a distance: a product must not be missing from an answer because its vector was deleted.
CREATE FUNCTION vectorshelf.no_vector(of_product text) RETURNS double precision
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RAISE EXCEPTION 'the vector of product % is no longer in vectorshelf.vectors', of_product USING ERRCODE = 'no_data_found',
        HINT = 'load that date again: its texts are embedded anew';
END $$;

-- Snapshots loaded before there was history: their dates are known, what was on sale is not.
INSERT INTO vectorshelf.history_dates (catalog, as_of, run_id)
SELECT DISTINCT ON (catalog, as_of) catalog, as_of, run_id
FROM vectorshelf.runs
WHERE status = 'success' AND request #>> '{catalog,mode}' = 'snapshot' AND request ->> 'limit' IS NULL
ORDER BY catalog, as_of, started_at DESC;
