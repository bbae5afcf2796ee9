-- The index that serves again is known from before; said again, so that the latest line is about the one that serves.
INSERT INTO vectorshelf.index_log
    (catalog, run_id, action, reason, type, rows, index_oid, changed, lists, probes, recall, recall_target, curve, seconds)
SELECT catalog, run_id, 'kept', 'rolled back to the table that has it', type, rows, index_oid, changed, lists, probes,
       recall, recall_target, curve, 0
FROM vectorshelf.index_log
WHERE catalog = %(catalog)s AND index_oid = %(index)s AND recall IS NOT NULL
ORDER BY build_id DESC LIMIT 1
