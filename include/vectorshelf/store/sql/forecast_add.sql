WITH page AS (
    SELECT DISTINCT ON (sha256) sha256, bytes
    FROM unnest(%(digests)s::bytea[], %(sizes)s::bigint[]) AS given (sha256, bytes)
), added AS (
    INSERT INTO pg_temp.forecast (sha256)
    SELECT sha256 FROM page WHERE {lacking}
    ON CONFLICT DO NOTHING
    RETURNING sha256
)
SELECT count(*), coalesce(sum(bytes), 0) FROM added JOIN page USING (sha256)
