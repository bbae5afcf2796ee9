-- The next loaded date, how many it lacks of the staged products that this date did not have, and how many are staged.
SELECT n.as_of, count(*) FILTER (WHERE d.id IS NOT NULL AND h.id IS NULL), count(*)
FROM (SELECT min(as_of) AS as_of FROM vectorshelf.history_dates
      WHERE catalog = %(catalog)s AND space IS NOT NULL AND as_of > %(as_of)s) n
CROSS JOIN {staging} s
LEFT JOIN history_difference d ON d.id = s.id AND d.on_sale AND d.valid_from IS NULL
LEFT JOIN vectorshelf.history h
       ON h.catalog = %(catalog)s AND h.id = s.id AND h.valid_from <= n.as_of AND h.valid_to > n.as_of
WHERE NOT s.deleted AND n.as_of IS NOT NULL
GROUP BY n.as_of
