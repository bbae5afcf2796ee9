SELECT count(*)
FROM {pending} p JOIN vectorshelf.batch_texts b ON b.space = %(space)s AND b.sha256 = p.sha256
