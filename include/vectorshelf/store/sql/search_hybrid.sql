-- Two rankings, by meaning and by words, joined by reciprocal rank fusion: a row's score is the sum of 1/(60 + rank).
-- Any word of the query counts, rows with more of them rank higher; 'simple' suits catalogs in every language.
WITH words AS (
    SELECT nullif(replace(plainto_tsquery('simple', %(text)s)::text, ' & ', ' | '), '')::tsquery AS any_word
),
by_meaning AS (
    SELECT id, row_number() OVER (ORDER BY score DESC, id) AS rank
    FROM {nearest}
),
by_words AS (
    SELECT t.id, row_number() OVER (
        ORDER BY ts_rank(to_tsvector('simple', t.name || ' ' || t.category), words.any_word) DESC, t.id) AS rank
    FROM {products} t, words
    WHERE to_tsvector('simple', t.name || ' ' || t.category) @@ words.any_word
      AND (%(category)s IS NULL OR t.category = %(category)s)
    ORDER BY rank LIMIT %(pool)s
),
fused AS (
    SELECT id, sum(1.0 / (60 + rank))::double precision AS score
    FROM (SELECT * FROM by_meaning UNION ALL SELECT * FROM by_words) both_rankings
    GROUP BY id ORDER BY score DESC, id LIMIT %(k)s
)
SELECT t.id, t.name, t.category, t.attributes, f.score
FROM fused f JOIN {products} t ON t.id = f.id
ORDER BY f.score DESC, t.id
