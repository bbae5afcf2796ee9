INSERT INTO vectorshelf.index_log
    (catalog, run_id, action, reason, type, rows, index_oid, changed, lists, probes, recall, recall_target, curve, seconds)
VALUES (%(catalog)s, %(run_id)s, %(action)s, %(reason)s, %(type)s, %(rows)s, %(index)s, %(changed)s, %(lists)s,
        %(probes)s, %(recall)s, %(recall_target)s, %(curve)s, %(seconds)s)
RETURNING build_id
