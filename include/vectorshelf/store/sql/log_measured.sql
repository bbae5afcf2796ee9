UPDATE vectorshelf.index_log
SET probes = %(probes)s, recall = %(recall)s, curve = %(curve)s, seconds = %(seconds)s
WHERE build_id = %(build_id)s
