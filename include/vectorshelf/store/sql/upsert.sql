INSERT INTO {table} AS t (id, name, category, attributes, embedding, text_hash, model, as_of, updated_at)
SELECT s.id, s.name, s.category, s.attributes, v.embedding, s.sha256, %(model)s, %(as_of)s, now()
FROM {staging} s
JOIN vectorshelf.vectors v ON v.space = %(space)s AND v.sha256 = s.sha256
LEFT JOIN {table} o ON o.id = s.id
WHERE NOT s.deleted
  AND (o.text_hash, o.model) IS DISTINCT FROM (s.sha256, %(model)s)
ON CONFLICT (id) DO UPDATE
SET name = excluded.name, category = excluded.category, attributes = excluded.attributes,
    embedding = excluded.embedding, text_hash = excluded.text_hash, model = excluded.model,
    as_of = excluded.as_of, updated_at = excluded.updated_at
