-- "12, 15, 31 and 4 more", in the source's order.
UPDATE vectorshelf.quarantine q
SET id = array_to_string(s.ids[:%(shown)s], ', ')
         || CASE WHEN cardinality(s.ids) > %(shown)s THEN ' and ' || cardinality(s.ids) - %(shown)s || ' more' ELSE '' END,
    line = s.line
FROM (SELECT sha256, array_agg(id ORDER BY line) AS ids, min(line) AS line
      FROM {staging}
      WHERE NOT deleted AND sha256 IN (SELECT fingerprint FROM vectorshelf.quarantine
                                       WHERE run_id = %(run_id)s AND kind = 'text')
      GROUP BY sha256) s
WHERE q.run_id = %(run_id)s AND q.kind = 'text' AND q.fingerprint = s.sha256
