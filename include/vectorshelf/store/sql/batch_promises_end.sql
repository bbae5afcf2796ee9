-- Lines that brought nothing: what was not done is not charged, what may have been done counts as presumed.
WITH ended AS (
    SELECT hold, line = ANY (%(presumed)s::integer[]) AS presumed
    FROM vectorshelf.batch_lines WHERE job = %(job)s AND hold IS NOT NULL
      AND (%(line)s::integer IS NULL OR line = %(line)s)
), presume AS (
    UPDATE vectorshelf.requests r SET held_until = clock_timestamp()
    FROM ended WHERE r.request_id = ended.hold AND ended.presumed AND r.held_until IS NOT NULL
)
DELETE FROM vectorshelf.requests r USING ended
WHERE r.request_id = ended.hold AND NOT ended.presumed AND r.held_until IS NOT NULL
