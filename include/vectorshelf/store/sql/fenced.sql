-- A condition on a staged row s and the served row t of its id (or none): what is there is newer. With a date of its own
-- on both sides, those decide, then the files' dates; else the files' dates alone.
(NOT %(unfenced)s AND CASE
    WHEN s.dated IS NOT NULL AND EXISTS (SELECT FROM vectorshelf.row_dates d WHERE d.catalog = %(catalog)s AND d.id = s.id)
    THEN EXISTS (SELECT FROM vectorshelf.row_dates d
                 WHERE d.catalog = %(catalog)s AND d.id = s.id AND (d.dated, d.as_of) > (s.dated, %(as_of)s))
    ELSE coalesce(t.as_of > %(as_of)s, false)
         OR EXISTS (SELECT FROM vectorshelf.tombstones b
                    WHERE b.catalog = %(catalog)s AND b.id = s.id AND b.as_of > %(as_of)s)
END)
