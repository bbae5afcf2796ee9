SELECT (SELECT count(*) FROM {pending}),
       (SELECT coalesce(sum(octet_length(text)), 0)::bigint FROM {pending}),
       (SELECT count(*) FROM wanted WHERE stored)
