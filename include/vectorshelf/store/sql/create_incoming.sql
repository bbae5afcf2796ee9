-- Once per session. PLAIN keeps a vector in the row, so that it is not written to a TOAST table only to be read back;
-- a vector of pgvector's indexable 2,000 dimensions fits a page.
DO $$ BEGIN
    IF to_regclass('pg_temp.vectorshelf_incoming') IS NULL THEN
        CREATE TEMPORARY TABLE vectorshelf_incoming (sha256 bytea NOT NULL, embedding vector NOT NULL) ON COMMIT DELETE ROWS;
        ALTER TABLE pg_temp.vectorshelf_incoming ALTER COLUMN embedding SET STORAGE PLAIN;
    END IF;
END $$
