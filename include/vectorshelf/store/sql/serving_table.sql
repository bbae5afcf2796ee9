-- The seed columns are the tutorial's; the rest is bookkeeping. The room in each page is for new versions of its rows: a
-- changed price then stays on its page, and no index is told. In a full page the row moves, and its vector is put into the
-- vector index once more.
CREATE TABLE IF NOT EXISTS {table} (
    id         text PRIMARY KEY,
    name       text NOT NULL,
    category   text NOT NULL,
    attributes jsonb,
    embedding  vector({dimensions}),
    text_hash  bytea,
    model      text,
    as_of      timestamptz,
    updated_at timestamptz
) WITH (fillfactor = 85)
