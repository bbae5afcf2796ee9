UPDATE vectorshelf.index_log
SET reason = %(reason)s, probes = %(probes)s, recall = %(recall)s, curve = %(curve)s, seconds = %(seconds)s
WHERE build_id = %(line)s
