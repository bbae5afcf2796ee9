-- Where the staged snapshot differs from what history says of its date now (for a new date: of the loaded date before it,
-- or, before all others, of the first). One full join; every later statement touches these products alone.
CREATE TEMPORARY TABLE history_difference ON COMMIT DROP AS
SELECT coalesce(s.id, h.id) AS id, s.id IS NOT NULL AS on_sale, h.valid_from, h.valid_to
FROM (SELECT id, name, category, attributes, sha256 FROM {staging} WHERE NOT deleted) s
FULL JOIN (
    SELECT id, name, category, attributes, sha256, valid_from, valid_to
    FROM vectorshelf.history
    WHERE catalog = %(catalog)s AND valid_from <= %(as_of)s AND valid_to > %(as_of)s
) h ON h.id = s.id
WHERE (s.sha256, s.name, s.category, s.attributes) IS DISTINCT FROM (h.sha256, h.name, h.category, h.attributes);
ANALYZE history_difference;
SELECT products, changed, gone, products - new + gone
FROM (SELECT count(*) AS products FROM {staging} WHERE NOT deleted) staged,
     (SELECT count(*) AS changed, count(*) FILTER (WHERE NOT on_sale) AS gone,
             count(*) FILTER (WHERE valid_from IS NULL) AS new
      FROM history_difference) differing
