-- Distinct texts without a vector in the table. What the table already serves needs none from the store,
-- even when the store was pruned; of the rest, what the store has is counted (stored) and not sent again.
CREATE TEMPORARY TABLE wanted ON COMMIT DROP AS
SELECT DISTINCT ON (s.sha256) s.sha256, s.text,
       EXISTS (SELECT FROM vectorshelf.vectors v WHERE v.space = %(space)s AND v.sha256 = s.sha256) AS stored
FROM {staging} s LEFT JOIN {table} t ON t.id = s.id
WHERE NOT s.deleted
  AND (%(superseded)s OR (t.text_hash, t.model) IS DISTINCT FROM (s.sha256, %(model)s));

-- Texts the model refused before are not paid for every night; requeue lets them try again.
UPDATE vectorshelf.quarantine q
SET run_id = %(run_id)s, last_seen = now()
FROM wanted w
WHERE q.catalog = %(catalog)s AND q.kind = 'text' AND q.fingerprint = w.sha256 AND q.space = %(space)s AND NOT w.stored;
DELETE FROM wanted w USING vectorshelf.quarantine q
WHERE q.catalog = %(catalog)s AND q.kind = 'text' AND q.fingerprint = w.sha256 AND q.space = %(space)s AND NOT w.stored;

DROP TABLE IF EXISTS {pending};
CREATE UNLOGGED TABLE {pending} (
    position bigint  NOT NULL,
    shard    integer NOT NULL,
    sha256   bytea   NOT NULL,
    text     text    NOT NULL
) WITH (autovacuum_enabled = false);
INSERT INTO {pending} (position, shard, sha256, text)
SELECT n, div(n - 1, greatest(%(shard_texts)s, %(page_texts)s * ceil(total / (%(max_shards)s * %(page_texts)s)::numeric))),
       sha256, text
FROM (SELECT row_number() OVER () AS n, count(*) OVER () AS total, sha256, text FROM wanted WHERE NOT stored) numbered;
ALTER TABLE {pending} ADD PRIMARY KEY (shard, position);
ANALYZE {pending}
