-- Once per session. A vector that fits a page stays in its row: not written to a TOAST table only to be read back.
DO $$ BEGIN
    IF to_regclass('pg_temp.vectorshelf_incoming') IS NULL THEN
        CREATE TEMPORARY TABLE vectorshelf_incoming (
            space     integer NOT NULL,
            sha256    bytea   NOT NULL,
            embedding vector  NOT NULL
        ) WITH (toast_tuple_target = 8160) ON COMMIT DELETE ROWS;
    END IF;
END $$
