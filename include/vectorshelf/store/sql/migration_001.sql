-- The machinery's schema. Everything here is rebuilt by runs except vectors, requests and runs, which are history.

-- One row per (model, dimensions): a small integer keeps the vectors' key short.
CREATE TABLE vectorshelf.spaces (
    space      integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model      text    NOT NULL,
    dimensions integer NOT NULL CHECK (dimensions > 0),
    UNIQUE (model, dimensions)
);

-- Content-addressed: what was paid for once is never paid for again. sha256 is of the embedded text in UTF-8.
CREATE TABLE vectorshelf.vectors (
    space      integer     NOT NULL REFERENCES vectorshelf.spaces,
    sha256     bytea       NOT NULL CHECK (length(sha256) = 32),
    embedding  vector      NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (space, sha256)
);

-- One row per catalog: the fence (loaded_as_of) and what its serving table is. Locked by whoever loads.
CREATE TABLE vectorshelf.catalogs (
    catalog      text PRIMARY KEY,
    table_name   text NOT NULL UNIQUE,
    loaded_as_of timestamptz,
    loaded_by    text,
    model        text,                        -- of the vectors in the table: one space per table, always
    changed_rows bigint NOT NULL DEFAULT 0,   -- rows inserted, deleted or re-embedded, ever: index_log remembers where it stood
    unvacuumed   bigint NOT NULL DEFAULT 0    -- rows written or deleted since the last VACUUM (ANALYZE)
);

-- Deletions of delta catalogs leave a date, so that an older file cannot bring the product back.
CREATE TABLE vectorshelf.tombstones (
    catalog text        NOT NULL,
    id      text        NOT NULL,
    as_of   timestamptz NOT NULL,
    PRIMARY KEY (catalog, id)
);

CREATE TABLE vectorshelf.runs (
    run_id      text PRIMARY KEY,
    run_no      bigint GENERATED ALWAYS AS IDENTITY UNIQUE,  -- names the run's staging tables
    catalog     text        NOT NULL,
    as_of       timestamptz NOT NULL,
    request     jsonb       NOT NULL,                        -- the catalog file and the run's options, as given
    status      text        NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'success', 'failed', 'planned')),
    error       text,
    started_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    figures     jsonb,                                       -- the finished report
    approved_usd numeric(14, 8),                             -- a person's cap for this run, in place of the catalog's
    approved_by text,
    approved_at timestamptz
);
CREATE INDEX runs_by_catalog ON vectorshelf.runs (catalog, started_at DESC);

CREATE TABLE vectorshelf.stages (
    run_id      text    NOT NULL REFERENCES vectorshelf.runs ON DELETE CASCADE,
    stage       text    NOT NULL,
    shard       integer NOT NULL DEFAULT -1,                 -- -1: the stage is not sharded
    seconds     double precision NOT NULL,
    peak_rss_mb double precision NOT NULL,
    counts      jsonb   NOT NULL,
    finished_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, stage, shard)
);

-- One row per paid request, committed together with its vectors. The budget reads it; nothing else writes money.
-- Under a budget the row comes first, as a promise of money: held_usd is the most the request may cost, and counts until
-- held_until. A promise whose holder died counts from then on what it presumably cost (cost_usd): it may have been paid.
CREATE TABLE vectorshelf.requests (
    request_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id     text        NOT NULL,
    catalog    text        NOT NULL,
    shard      integer     NOT NULL,
    space      integer     NOT NULL,
    texts      integer     NOT NULL,
    tokens     bigint      NOT NULL,
    bytes      bigint      NOT NULL,                         -- UTF-8 bytes of the texts: calibrates the token estimate
    cost_usd   numeric(14, 8) NOT NULL,
    seconds    double precision NOT NULL,
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    held_usd   numeric(14, 8),                               -- both NULL once it is answered
    held_until timestamptz
);
CREATE INDEX requests_by_run ON vectorshelf.requests (run_id);
CREATE INDEX requests_by_month ON vectorshelf.requests (catalog, at);

CREATE TABLE vectorshelf.quarantine (
    quarantine_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    catalog    text        NOT NULL,
    kind       text        NOT NULL CHECK (kind IN ('row', 'text')),
    fingerprint bytea      NOT NULL,                         -- of the raw row, or of the embedded text
    id         text,
    line       bigint,
    reason     text        NOT NULL,
    raw        text,                                         -- cut to 2,000 characters
    run_id     text        NOT NULL,                         -- the last run that met it
    first_seen timestamptz NOT NULL DEFAULT now(),
    last_seen  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (catalog, kind, fingerprint)
);
CREATE INDEX quarantine_by_run ON vectorshelf.quarantine (run_id);

-- One row per endpoint and model: what the endpoint said it allows, shared by every shard, run, worker and machine.
-- The configured limits come with each reservation (they are the catalog's); the lower of the two holds.
CREATE TABLE vectorshelf.rate_limits (
    endpoint                   text NOT NULL,
    model                      text NOT NULL,
    server_requests_per_minute double precision,              -- as its headers said; NULL: they never did
    server_tokens_per_minute   double precision,
    factor                     double precision NOT NULL DEFAULT 1,  -- lowered by refusals no header explains; grows back
    factor_at                  timestamptz NOT NULL DEFAULT clock_timestamp(),
    blocked_until              timestamptz NOT NULL DEFAULT clock_timestamp(),
    generation                 bigint NOT NULL DEFAULT 0,     -- moves when granted but unused reservations must be made anew
    PRIMARY KEY (endpoint, model)
);

-- Requests of the last minute and those granted a place in the next. A crash of the server may forget them: unlogged.
CREATE UNLOGGED TABLE vectorshelf.rate_reservations (
    reservation bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    endpoint    text             NOT NULL,
    model       text             NOT NULL,
    at          timestamptz      NOT NULL,                    -- when it may be sent
    tokens      double precision NOT NULL                     -- the estimate, then the real usage
);
CREATE INDEX rate_reservations_by_time ON vectorshelf.rate_reservations (endpoint, model, at);

CREATE TABLE vectorshelf.index_log (
    build_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    catalog     text        NOT NULL,
    run_id      text        NOT NULL,
    action      text        NOT NULL CHECK (action IN ('built', 'rebuilt', 'kept', 'none')),
    reason      text        NOT NULL,
    type        text        NOT NULL,
    rows        bigint      NOT NULL,
    index_oid   oid,                                         -- the index this line is about; a line of another index says nothing
    changed     bigint      NOT NULL DEFAULT 0,              -- catalogs.changed_rows when the build or the measurement began
    lists       integer,
    probes      integer,                                     -- ivfflat.probes, or hnsw.ef_search
    recall      double precision,                            -- at these probes; NULL until it is measured
    recall_target double precision,
    curve       jsonb,                                       -- the measurement; NULL when none was made
    seconds     double precision NOT NULL,
    at          timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX index_log_by_catalog ON vectorshelf.index_log (catalog, at DESC);
