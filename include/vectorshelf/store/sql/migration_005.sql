-- A model change fills a second table beside the one that serves and keeps the old one afterwards (decision 15). What each
-- of them holds stands in a row of its own, in the same columns: "shop:next" and "shop:previous" beside "shop".
ALTER TABLE vectorshelf.catalogs
    ADD COLUMN standby_of text REFERENCES vectorshelf.catalogs ON DELETE CASCADE;  -- NULL: the row is a catalog's own
