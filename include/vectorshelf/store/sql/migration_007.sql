-- The newest delta a table holds: a snapshot dated before it (the catalog's mode was changed) goes around newer rows.
ALTER TABLE vectorshelf.catalogs ADD COLUMN changes_as_of timestamptz;

-- columns.updated_at: the source's own date of each row that a delta catalog holds or has deleted, and the as_of of the
-- file it came in, which decides between equal dates.
CREATE TABLE vectorshelf.row_dates (
    catalog text        NOT NULL,
    id      text        NOT NULL,
    dated   timestamptz NOT NULL,
    as_of   timestamptz NOT NULL,
    PRIMARY KEY (catalog, id)
);
