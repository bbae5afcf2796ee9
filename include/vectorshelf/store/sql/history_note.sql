-- The date was loaded and is not known; what an earlier load of the same date left there stays.
INSERT INTO vectorshelf.history_dates (catalog, as_of, run_id)
VALUES (%(catalog)s, %(as_of)s, %(run_id)s)
ON CONFLICT DO NOTHING
