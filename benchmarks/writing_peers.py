# ruff: noqa: PLC0415 - each environment has only some of the contenders
"""What users would pick to write vectors, one program for `benchmarks/__main__.py`. Imports nothing of this project.

`PYTHON writing_peers.py CONTENDER URL VECTORS.f32 DIMENSIONS SECONDS`, in an environment that has the contender. Prints
one JSON object: rows written, seconds, client CPU seconds, and peak memory over what the program had before the first
row. Each contender writes as its own documentation does, into an empty table, and commits every batch. After SECONDS
(0: never) no further batch is begun.
"""

import asyncio
import json
import os
import sys
import time
from pathlib import Path

import numpy as np

BATCH = 1_000


def batches(path, dimensions, size):
    """(ids, vectors) by `size` rows, read from the file as they are needed."""
    first = 0
    while len(numbers := np.fromfile(path, dtype=np.float32, count=size * dimensions, offset=first * dimensions * 4)):
        vectors = numbers.reshape(-1, dimensions)
        yield [f"product-{first + row}" for row in range(len(vectors))], vectors
        first += len(vectors)


def measured(write, path, dimensions, seconds, size=BATCH, finish=None):
    """Call `write(ids, vectors)` batch by batch, and `finish()`; the reading of the file is in nobody's figures."""
    rows = wall = cpu = 0
    before = memory("VmRSS")
    for ids, vectors in batches(path, dimensions, size):
        wall -= time.perf_counter()
        cpu -= time.process_time()
        write(ids, vectors)
        wall += time.perf_counter()
        cpu += time.process_time()
        rows += len(ids)
        if seconds and wall >= seconds:
            break
    if finish is not None:
        wall -= time.perf_counter()
        cpu -= time.process_time()
        finish()
        wall += time.perf_counter()
        cpu += time.process_time()
    return {"rows": rows, "seconds": wall, "cpu": cpu, "peak_mib": memory("VmHWM") - before}


def memory(name):
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(f"{name}:")]
    return int(line.split()[1]) / 1024


def product(id_):
    return id_, f"Name of {id_}", "Laptops", '{"price": 999}'


CREATE = (
    "DROP TABLE IF EXISTS bench; CREATE TABLE bench (id text PRIMARY KEY, name text NOT NULL, category text NOT NULL,"
    " attributes jsonb, embedding vector({}))"
)
UPSERT = (
    " ON CONFLICT (id) DO UPDATE SET name = excluded.name, category = excluded.category,"
    " attributes = excluded.attributes, embedding = excluded.embedding"
)


def psycopg2_connection(url, dimensions):
    import psycopg2

    conn = psycopg2.connect(url)
    conn.cursor().execute(CREATE.format(dimensions))
    conn.commit()
    return conn


def row_loop(url, dimensions):
    """One INSERT and one commit for every row."""
    conn = psycopg2_connection(url, dimensions)

    def write(ids, vectors):
        for id_, vector in zip(ids, vectors, strict=True):
            with conn, conn.cursor() as cur:
                cur.execute(
                    "INSERT INTO bench (id, name, category, attributes, embedding) VALUES (%s, %s, %s, %s, %s::vector)"
                    + UPSERT,
                    (*product(id_), vector.tolist()),
                )

    return write, 100


def tutorial(url, dimensions):
    """execute_values with the lists of numbers as the API returns them."""
    from psycopg2.extras import execute_values

    conn = psycopg2_connection(url, dimensions)

    def write(ids, vectors):
        rows = [(*product(id_), vector.tolist()) for id_, vector in zip(ids, vectors, strict=True)]
        with conn, conn.cursor() as cur:
            execute_values(
                cur,
                "INSERT INTO bench (id, name, category, attributes, embedding) VALUES %s" + UPSERT,
                rows,
                template="(%s, %s, %s, %s, %s::vector)",
            )

    return write, BATCH


def pgvector_copy(url, dimensions):
    """pgvector-python's own bulk loading example: psycopg 3, binary COPY straight into the table. No upsert."""
    import psycopg
    from pgvector.psycopg import register_vector

    conn = psycopg.connect(url)
    conn.execute(CREATE.format(dimensions).split(";")[0])
    conn.execute(CREATE.format(dimensions).split(";")[1])
    register_vector(conn)
    conn.commit()

    def write(ids, vectors):
        with (
            conn.cursor() as cur,
            cur.copy("COPY bench (id, name, category, embedding) FROM STDIN WITH (FORMAT BINARY)") as copy,
        ):
            copy.set_types(["text", "text", "text", "vector"])
            for id_, vector in zip(ids, vectors, strict=True):
                copy.write_row((*product(id_)[:3], vector))
        conn.commit()

    return write, BATCH


def langchain(url, dimensions):
    """PGVectorStore.add_embeddings."""
    from langchain_core.embeddings import DeterministicFakeEmbedding
    from langchain_postgres import Column, PGEngine, PGVectorStore

    engine = PGEngine.from_connection_string(url.replace("postgresql://", "postgresql+psycopg://"))
    engine.init_vectorstore_table(
        "bench", dimensions, overwrite_existing=True, id_column=Column("id", "TEXT", nullable=False)
    )
    store = PGVectorStore.create_sync(engine, DeterministicFakeEmbedding(size=dimensions), "bench", id_column="id")

    def write(ids, vectors):
        texts = [product(id_)[1] for id_ in ids]
        metadatas = [{"category": "Laptops", "price": 999} for _ in ids]
        store.add_embeddings(texts, vectors.tolist(), metadatas, ids)

    return write, BATCH


def llama_index(url, dimensions):
    """PGVectorStore.add."""
    from llama_index.core.schema import TextNode
    from llama_index.vector_stores.postgres import PGVectorStore

    store = PGVectorStore.from_params(
        connection_string=url.replace("postgresql://", "postgresql+psycopg2://"),
        async_connection_string=url.replace("postgresql://", "postgresql+asyncpg://"),
        table_name="bench",
        embed_dim=dimensions,
    )

    def write(ids, vectors):
        metadata = {"category": "Laptops", "price": 999}
        store.add(
            [
                TextNode(id_=id_, text=product(id_)[1], metadata=metadata, embedding=vector.tolist())
                for id_, vector in zip(ids, vectors, strict=True)
            ]
        )

    return write, BATCH


def airflow(url, dimensions):
    """PgVectorIngestOperator as its guide has it: one statement with its parameters, here for every row.

    With a list and a cast: the operator registers pgvector on one connection and runs its statement on another.
    """
    os.environ |= {
        "AIRFLOW_CONN_BENCH": url.replace("postgresql://", "postgres://"),
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
    }
    from airflow.providers.pgvector.operators.pgvector import PgVectorIngestOperator

    psycopg2_connection(url, dimensions).close()
    statement = (
        "INSERT INTO bench (id, name, category, attributes, embedding)"
        " VALUES (%(id)s, %(name)s, %(category)s, %(attributes)s, %(embedding)s::vector)" + UPSERT
    )

    def write(ids, vectors):
        for id_, vector in zip(ids, vectors, strict=True):
            values = dict(zip(("id", "name", "category", "attributes"), product(id_), strict=True))
            ingest = PgVectorIngestOperator(
                task_id="ingest", conn_id="bench", sql=statement, parameters={**values, "embedding": vector.tolist()}
            )
            ingest.execute({})

    return write, 20


CONTENDERS = {
    "row_loop": row_loop,
    "tutorial": tutorial,
    "pgvector_copy": pgvector_copy,
    "langchain": langchain,
    "llama_index": llama_index,
    "airflow": airflow,
}


def main():
    name, url, path, dimensions, seconds = sys.argv[1:]
    write, size = CONTENDERS[name](url, int(dimensions))
    print(json.dumps(measured(write, path, int(dimensions), float(seconds), size)), flush=True)
    os._exit(0)  # some leave threads behind that never end


if __name__ == "__main__":
    asyncio.set_event_loop(asyncio.new_event_loop())
    main()
