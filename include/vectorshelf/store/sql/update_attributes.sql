-- The vector is not named here, so it is neither read nor written: it stays where it is in the TOAST table.
UPDATE {table} t
SET name = s.name, category = s.category, attributes = s.attributes, as_of = %(as_of)s, updated_at = now()
FROM {staging} s
WHERE s.id = t.id AND NOT s.deleted
  AND (t.text_hash, t.model) IS NOT DISTINCT FROM (s.sha256, %(model)s)
  AND (t.name, t.category, t.attributes) IS DISTINCT FROM (s.name, s.category, s.attributes)
