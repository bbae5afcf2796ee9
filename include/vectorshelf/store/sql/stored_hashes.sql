SELECT sha256 FROM vectorshelf.vectors WHERE space = %(space)s AND sha256 = ANY (%(hashes)s::bytea[])
