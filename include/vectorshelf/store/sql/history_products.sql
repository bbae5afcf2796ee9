(SELECT h.id, h.name, h.category, h.attributes
 FROM vectorshelf.history_date(%(catalog)s, %(moment)s) d
 JOIN vectorshelf.history h ON h.catalog = %(catalog)s AND h.valid_from <= d.as_of AND h.valid_to > d.as_of)
