-- Also for ids that were not there: an older file that arrives later must not bring them in.
INSERT INTO vectorshelf.tombstones AS b (catalog, id, as_of)
SELECT %(catalog)s, s.id, %(as_of)s FROM {staging} s
WHERE s.deleted
ON CONFLICT (catalog, id) DO UPDATE SET as_of = excluded.as_of WHERE b.as_of < excluded.as_of
