-- Pending texts that stand in open jobs: of one shard, or of the whole run.
SELECT count(*)
FROM {pending} p JOIN vectorshelf.batch_texts b ON b.space = %(space)s AND b.sha256 = p.sha256
WHERE %(shard)s::integer IS NULL OR p.shard = %(shard)s
