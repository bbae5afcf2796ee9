-- Open jobs that hold texts of this shard.
SELECT DISTINCT b.job
FROM {pending} p JOIN vectorshelf.batch_texts b ON b.space = %(space)s AND b.sha256 = p.sha256
WHERE p.shard = %(shard)s
