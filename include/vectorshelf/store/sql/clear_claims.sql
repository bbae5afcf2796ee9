-- What dead sessions claimed.
WITH dead AS MATERIALIZED (
    SELECT space, sha256 FROM vectorshelf.claims
    WHERE holder <> %(holder)s AND pg_try_advisory_xact_lock(%(class)s, holder)
    ORDER BY space, sha256 FOR UPDATE SKIP LOCKED
)
DELETE FROM vectorshelf.claims c USING dead d WHERE c.space = d.space AND c.sha256 = d.sha256
