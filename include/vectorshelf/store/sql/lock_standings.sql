SELECT catalog FROM vectorshelf.catalogs WHERE %(catalog)s IN (catalog, standby_of) ORDER BY catalog FOR UPDATE
