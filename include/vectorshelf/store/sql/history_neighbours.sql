-- The loaded dates around one, NULL where there is none.
SELECT max(as_of) FILTER (WHERE as_of < %(as_of)s), min(as_of) FILTER (WHERE as_of > %(as_of)s)
FROM vectorshelf.history_dates
WHERE catalog = %(catalog)s AND space IS NOT NULL
