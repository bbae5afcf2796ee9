-- Serving tables made before get the room in their pages that new ones have (serving_table.sql says why). Pages that are
-- there stay as they are; what is written from now on leaves room. A fillfactor that somebody chose stays. A table that an
-- index build or a vacuum has in hand is left as it is: an optional setting must not stop every catalog.
SET LOCAL lock_timeout = '2s';
DO $$
DECLARE
    serving regclass;
BEGIN
    FOR serving IN
        SELECT c.oid FROM vectorshelf.catalogs k JOIN pg_class c ON c.oid = to_regclass(k.table_name)
        WHERE c.relkind = 'r' AND pg_has_role(c.relowner, 'USAGE')
          AND NOT EXISTS (SELECT FROM pg_options_to_table(c.reloptions) WHERE option_name = 'fillfactor')
    LOOP
        BEGIN
            EXECUTE format('ALTER TABLE %s SET (fillfactor = 85)', serving);
        EXCEPTION WHEN lock_not_available THEN
            RAISE NOTICE '% is in use: its fillfactor stays as it is', serving;
        END;
    END LOOP;
END $$;
SET LOCAL lock_timeout = DEFAULT
