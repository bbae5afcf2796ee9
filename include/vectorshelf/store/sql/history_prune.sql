-- Everything before the loaded date `first`; what stood unchanged up to it now begins with it.
DELETE FROM vectorshelf.history WHERE catalog = %(catalog)s AND valid_to <= %(first)s;
UPDATE vectorshelf.history SET valid_from = '-infinity'
WHERE catalog = %(catalog)s AND valid_from <= %(first)s AND valid_from > '-infinity';
DELETE FROM vectorshelf.history_dates WHERE catalog = %(catalog)s AND as_of < %(first)s
