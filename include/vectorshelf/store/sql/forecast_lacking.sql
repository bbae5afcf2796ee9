-- A condition on page.sha256: as a run's plan has it.
NOT EXISTS (SELECT FROM vectorshelf.vectors v WHERE v.space = %(space)s AND v.sha256 = page.sha256)
AND NOT EXISTS (SELECT FROM vectorshelf.quarantine q
                WHERE q.catalog = %(catalog)s AND q.kind = 'text' AND q.fingerprint = page.sha256
                  AND q.space = %(space)s)
