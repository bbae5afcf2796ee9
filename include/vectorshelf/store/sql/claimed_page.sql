-- What of the page is ours. A statement of its own, so that it sees what others stored until their claim came to us.
SELECT p.sha256, p.text
FROM {pending} p
WHERE p.shard = %(shard)s AND p.position BETWEEN %(first)s AND %(last)s
  -- Not a join: the table of claims is empty between runs, and the planner believes that it still is.
  AND (SELECT c.holder FROM vectorshelf.claims c WHERE c.space = %(space)s AND c.sha256 = p.sha256) = %(holder)s
  AND NOT EXISTS (SELECT FROM vectorshelf.vectors v WHERE v.space = %(space)s AND v.sha256 = p.sha256)
  AND NOT EXISTS (SELECT FROM vectorshelf.quarantine q
                  WHERE q.catalog = %(catalog)s AND q.kind = 'text' AND q.fingerprint = p.sha256 AND q.space = %(space)s)
  AND NOT EXISTS (SELECT FROM vectorshelf.batch_texts b WHERE b.space = %(space)s AND b.sha256 = p.sha256)
ORDER BY p.position
