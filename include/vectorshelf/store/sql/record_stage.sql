INSERT INTO vectorshelf.stages AS s (run_id, stage, shard, seconds, peak_rss_mb, counts)
VALUES (%(run_id)s, %(stage)s, %(shard)s, %(seconds)s, %(peak_rss_mb)s, %(counts)s)
ON CONFLICT (run_id, stage, shard) DO UPDATE
SET seconds = s.seconds + excluded.seconds,
    peak_rss_mb = greatest(s.peak_rss_mb, excluded.peak_rss_mb),
    counts = excluded.counts,
    finished_at = now()
