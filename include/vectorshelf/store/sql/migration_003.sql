-- Serving tables made before get the room in their pages that new ones have (serving_table.sql says why). Pages that are
-- there stay as they are; what is written from now on leaves room. A fillfactor that somebody chose stays.
SET LOCAL lock_timeout = '5s';
DO $$
DECLARE
    serving regclass;
BEGIN
    FOR serving IN
        SELECT c.oid FROM vectorshelf.catalogs k JOIN pg_class c ON c.oid = to_regclass(k.table_name)
        WHERE c.relkind = 'r' AND pg_has_role(c.relowner, 'USAGE')
          AND NOT EXISTS (SELECT FROM pg_options_to_table(c.reloptions) WHERE option_name = 'fillfactor')
    LOOP
        EXECUTE format('ALTER TABLE %s SET (fillfactor = 85)', serving);
    END LOOP;
END $$
