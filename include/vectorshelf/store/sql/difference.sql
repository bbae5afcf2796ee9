-- One full join, read once. A row that meets a newer one (or a newer tombstone) counts as unchanged.

WITH joined AS (
    SELECT s.id IS NOT NULL                                          AS staged,
           t.id IS NOT NULL                                          AS served,
           coalesce(s.deleted, false)                                AS marked,
           s.id IS NOT NULL AND {fenced}                             AS fenced,
           %(unfenced)s OR t.as_of IS NULL OR t.as_of <= %(as_of)s   AS replaceable,
           (t.text_hash, t.model) IS NOT DISTINCT FROM (s.sha256, %(model)s) AS same_text,
           (t.name, t.category, t.attributes) IS NOT DISTINCT FROM (s.name, s.category, s.attributes) AS same_attributes
    FROM {staging} s FULL JOIN {table} t ON t.id = s.id
)
SELECT count(*) FILTER (WHERE staged AND NOT served AND NOT marked AND NOT fenced)                        AS new,
       count(*) FILTER (WHERE staged AND served AND NOT marked AND NOT fenced AND NOT same_text)          AS changed,
       count(*) FILTER (WHERE staged AND served AND NOT marked AND NOT fenced AND same_text AND NOT same_attributes)
                                                                                                          AS attributes_changed,
       count(*) FILTER (WHERE staged AND NOT marked AND (fenced OR served AND same_text AND same_attributes)) AS unchanged,
       count(*) FILTER (WHERE served AND (marked AND NOT fenced OR NOT staged AND %(whole)s AND replaceable)) AS deleted,
       count(*) FILTER (WHERE served)                                                                     AS before
FROM joined
