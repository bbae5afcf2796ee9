-- From the moment that the job is sent, a promise that nobody settles counts as what its line presumably cost.
UPDATE vectorshelf.requests r
SET cost_usd = l.presumed
FROM vectorshelf.batch_lines l
WHERE l.job = %(job)s AND r.request_id = l.hold AND r.held_until IS NOT NULL
