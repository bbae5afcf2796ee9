-- The seed columns are the tutorial's; the rest is bookkeeping.
CREATE TABLE {table} (
    id         text PRIMARY KEY,
    name       text NOT NULL,
    category   text NOT NULL,
    attributes jsonb,
    embedding  vector({dimensions}),
    text_hash  bytea,
    model      text,
    as_of      timestamptz,
    updated_at timestamptz
)
