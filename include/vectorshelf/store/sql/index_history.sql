-- The change counter, and what the log knows of this very index: one row, of NULLs where nothing is known.
-- The first line of an index is its build (or the first we heard of it), the last measured one is the latest truth.
SELECT coalesce((SELECT changed_rows FROM vectorshelf.catalogs WHERE catalog = %(catalog)s), 0),
       first_line.changed, first_measured.probes,
       last_measured.probes, last_measured.recall, last_measured.recall_target, last_measured.changed, last_measured.rows
FROM (SELECT) nothing
LEFT JOIN LATERAL (
    SELECT changed FROM vectorshelf.index_log
    WHERE catalog = %(catalog)s AND index_oid = %(index)s
    ORDER BY build_id LIMIT 1) first_line ON true
LEFT JOIN LATERAL (
    SELECT probes FROM vectorshelf.index_log
    WHERE catalog = %(catalog)s AND index_oid = %(index)s AND curve IS NOT NULL
    ORDER BY build_id LIMIT 1) first_measured ON true
LEFT JOIN LATERAL (
    SELECT probes, recall, recall_target, changed, rows FROM vectorshelf.index_log
    WHERE catalog = %(catalog)s AND index_oid = %(index)s AND curve IS NOT NULL
    ORDER BY build_id DESC LIMIT 1) last_measured ON true
