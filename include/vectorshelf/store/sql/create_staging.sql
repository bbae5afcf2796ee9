DROP TABLE IF EXISTS {staging}, {pending};
-- Unlogged: losing it in a crash costs one extract; logging it would cost every run.
CREATE UNLOGGED TABLE {staging} (
    line       bigint  NOT NULL,
    id         text    NOT NULL,
    name       text    NOT NULL,
    category   text    NOT NULL,
    attributes jsonb   NOT NULL,
    text       text    NOT NULL,
    sha256     bytea   NOT NULL,
    deleted    boolean NOT NULL,
    dated      timestamptz                  -- columns.updated_at of a delta catalog
) WITH (autovacuum_enabled = false)
