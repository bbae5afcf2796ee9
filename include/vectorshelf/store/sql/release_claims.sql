-- In the order in which others claim, so that nobody deadlocks.
WITH mine AS MATERIALIZED (
    SELECT space, sha256 FROM vectorshelf.claims WHERE holder = %(holder)s ORDER BY space, sha256 FOR UPDATE
)
DELETE FROM vectorshelf.claims c USING mine m WHERE c.space = m.space AND c.sha256 = m.sha256
