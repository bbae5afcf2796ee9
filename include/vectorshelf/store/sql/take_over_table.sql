-- A table that was there before us gains what it lacks; its rows are embedded by the next run.
ALTER TABLE {table}
    ADD COLUMN IF NOT EXISTS attributes jsonb,
    ADD COLUMN IF NOT EXISTS embedding  vector({dimensions}),
    ADD COLUMN IF NOT EXISTS text_hash  bytea,
    ADD COLUMN IF NOT EXISTS model      text,
    ADD COLUMN IF NOT EXISTS as_of      timestamptz,
    ADD COLUMN IF NOT EXISTS updated_at timestamptz
