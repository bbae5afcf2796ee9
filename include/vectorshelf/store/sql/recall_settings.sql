-- The plan of a search in the search function, made sure to go through the vector index: what a small table would
-- rather scan says nothing about the index. Local to the measuring transaction.
SELECT '[1]'::vector;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_sort = off;
SET LOCAL jit = off;
SET LOCAL plan_cache_mode = force_custom_plan;
SET LOCAL ivfflat.iterative_scan = relaxed_order;
SET LOCAL hnsw.iterative_scan = relaxed_order;
SET LOCAL statement_timeout = 0
