WITH duplicated AS (
    SELECT id, min(line) AS kept FROM {staging} GROUP BY id HAVING count(*) > 1
), removed AS (
    DELETE FROM {staging} s USING duplicated d WHERE s.id = d.id AND s.line <> d.kept
    RETURNING s.id, s.line, d.kept, left(concat_ws(', ', s.id, s.name, s.category, s.attributes), 2000) AS raw
)
INSERT INTO vectorshelf.quarantine AS q (catalog, kind, fingerprint, id, line, reason, raw, run_id)
SELECT %(catalog)s, 'row', sha256(convert_to(format('duplicate %%s of %%s', row_number() OVER (PARTITION BY id ORDER BY line), id), 'UTF8')),
       id, line, format('duplicate id: first seen on line %%s', kept), raw, %(run_id)s
FROM removed
ON CONFLICT (catalog, kind, fingerprint, space) DO UPDATE
SET line = excluded.line, reason = excluded.reason, raw = excluded.raw, run_id = excluded.run_id, last_seen = now()
