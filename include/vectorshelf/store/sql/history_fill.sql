-- The staged products fill the stretch from `since` up to `until`, joined to what is the same on either side of it.
WITH filling AS (
    SELECT s.id, s.name, s.category, s.attributes, s.sha256, l.valid_from AS left_from, r.valid_to AS right_to
    FROM history_difference d
    JOIN {staging} s ON s.id = d.id
    LEFT JOIN vectorshelf.history l
        ON l.catalog = %(catalog)s AND l.id = s.id AND l.valid_to = {since}
        AND (l.sha256, l.name, l.category, l.attributes) = (s.sha256, s.name, s.category, s.attributes)
    LEFT JOIN vectorshelf.history r
        ON r.catalog = %(catalog)s AND r.id = s.id AND r.valid_from = {until}
        AND (r.sha256, r.name, r.category, r.attributes) = (s.sha256, s.name, s.category, s.attributes)
    WHERE d.on_sale
),
absorbed AS (
    DELETE FROM vectorshelf.history h USING filling f
    WHERE h.catalog = %(catalog)s AND h.id = f.id AND h.valid_from = {until} AND f.right_to IS NOT NULL
),
prolonged AS (
    UPDATE vectorshelf.history h SET valid_to = coalesce(f.right_to, {until})
    FROM filling f
    WHERE h.catalog = %(catalog)s AND h.id = f.id AND h.valid_from = f.left_from
)
INSERT INTO vectorshelf.history (catalog, id, valid_from, valid_to, name, category, attributes, sha256)
SELECT %(catalog)s, id, {since}, coalesce(right_to, {until}), name, category, attributes, sha256
FROM filling
WHERE left_from IS NULL
