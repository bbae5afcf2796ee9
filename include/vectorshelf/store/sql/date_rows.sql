-- Of deletions too: a row date is a tombstone as well.
INSERT INTO vectorshelf.row_dates (catalog, id, dated, as_of)
SELECT %(catalog)s, s.id, s.dated, %(as_of)s FROM {staging} s
WHERE s.dated IS NOT NULL
ON CONFLICT (catalog, id) DO UPDATE SET dated = excluded.dated, as_of = excluded.as_of
WHERE (row_dates.dated, row_dates.as_of) <> (excluded.dated, excluded.as_of);
-- A row without a date of its own took the place of a dated one.
DELETE FROM vectorshelf.row_dates d USING {staging} s
WHERE d.catalog = %(catalog)s AND d.id = s.id AND s.dated IS NULL
