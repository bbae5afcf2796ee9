-- Texts and their UTF-8 bytes, a row per shard.
SELECT count(*), sum(octet_length(text))::bigint
FROM {pending}
GROUP BY shard
ORDER BY shard
