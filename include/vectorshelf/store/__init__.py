"""The only room with SQL and psycopg2: schema, staging, vectors, load, index, upkeep, search, ledger, limiter."""
