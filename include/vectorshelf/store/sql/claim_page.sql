-- The shard's next page of texts without a vector, claimed as far as no living session has claimed them. In the order of
-- the hashes, so that two who claim the same texts wait for each other instead of deadlocking.
WITH page AS MATERIALIZED (
    SELECT p.position, p.sha256
    FROM {pending} p
    WHERE p.shard = %(shard)s AND p.position > %(after)s
      AND NOT EXISTS (SELECT FROM vectorshelf.vectors v WHERE v.space = %(space)s AND v.sha256 = p.sha256)
      AND NOT EXISTS (SELECT FROM vectorshelf.quarantine q
                      WHERE q.catalog = %(catalog)s AND q.kind = 'text' AND q.fingerprint = p.sha256 AND q.space = %(space)s)
    ORDER BY p.position
    LIMIT %(limit)s
), claimed AS (
    INSERT INTO vectorshelf.claims AS c (space, sha256, holder)
    SELECT %(space)s, sha256, %(holder)s FROM page ORDER BY sha256
    ON CONFLICT (space, sha256) DO UPDATE SET holder = excluded.holder
    WHERE c.holder <> ALL (%(live)s)
)
SELECT max(position) FROM page
