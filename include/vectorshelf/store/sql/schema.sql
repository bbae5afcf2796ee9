-- What must be there before the first migration can say that it ran.
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'vector') THEN
        CREATE EXTENSION vector;
    END IF;
    IF to_regnamespace('vectorshelf') IS NULL THEN
        CREATE SCHEMA vectorshelf;
    END IF;
    IF to_regclass('vectorshelf.migrations') IS NULL THEN
        CREATE TABLE vectorshelf.migrations (
            version    integer PRIMARY KEY,
            applied_at timestamptz NOT NULL DEFAULT now()
        );
    END IF;
END $$;
