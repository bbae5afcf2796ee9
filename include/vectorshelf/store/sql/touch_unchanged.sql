-- A delta that repeats a row confirms it as of its own date: a file between the two dates must not replace it.
UPDATE {table} t
SET as_of = %(as_of)s
FROM {staging} s
WHERE s.id = t.id AND NOT s.deleted AND t.as_of < %(as_of)s
  AND (t.text_hash, t.model, t.name, t.category, t.attributes)
      IS NOT DISTINCT FROM (s.sha256, %(model)s, s.name, s.category, s.attributes)
