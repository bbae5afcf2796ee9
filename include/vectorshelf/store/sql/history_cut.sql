-- What history said so far is cut out of the stretch from `since` up to `until`, which the staged snapshot is to fill.
-- What goes on behind the stretch is resumed there,
INSERT INTO vectorshelf.history (catalog, id, valid_from, valid_to, name, category, attributes, sha256)
SELECT h.catalog, h.id, {until}, h.valid_to, h.name, h.category, h.attributes, h.sha256
FROM vectorshelf.history h JOIN history_difference d ON d.id = h.id AND d.valid_from = h.valid_from
WHERE h.catalog = %(catalog)s AND d.valid_from < {since} AND d.valid_to > {until};
-- what began before it ends where it begins,
UPDATE vectorshelf.history h SET valid_to = {since}
FROM history_difference d
WHERE h.catalog = %(catalog)s AND h.id = d.id AND h.valid_from = d.valid_from AND d.valid_from < {since};
-- and what began with it begins behind it, or is gone.
UPDATE vectorshelf.history h SET valid_from = {until}
FROM history_difference d
WHERE h.catalog = %(catalog)s AND h.id = d.id AND h.valid_from = d.valid_from
  AND d.valid_from = {since} AND d.valid_to > {until};
DELETE FROM vectorshelf.history h
USING history_difference d
WHERE h.catalog = %(catalog)s AND h.id = d.id AND h.valid_from = d.valid_from
  AND d.valid_from = {since} AND d.valid_to = {until}
