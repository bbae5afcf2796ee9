"""What others do, for benchmarks/rate.py: embed the texts of a JSON file and print how many came back.

`PYTHON rate_peers.py openai|langchain TEXTS.json BASE_URL`, in an environment that has them (`rate.peers_python`).
Imports nothing of this project. Both leave rate limits to the openai client's own retries, eight of them; its default
of two gives up within seconds.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

MODEL = "text-embedding-3-small"
RETRIES = 8
THREADS = 8
TEXTS_A_REQUEST = 100


def with_openai(texts, base_url):
    import openai  # noqa: PLC0415 - each peer may be alone in its environment

    client = openai.OpenAI(api_key="none", base_url=base_url, max_retries=RETRIES)

    def embed(start):
        try:
            answer = client.embeddings.create(model=MODEL, input=texts[start : start + TEXTS_A_REQUEST])
        except openai.OpenAIError as error:
            return 0, type(error).__name__
        return len(answer.data), None

    with ThreadPoolExecutor(THREADS) as pool:
        done = list(pool.map(embed, range(0, len(texts), TEXTS_A_REQUEST)))
    return sum(count for count, _ in done), sorted({error for _, error in done if error})


def with_langchain(texts, base_url):
    """As its documentation has it, but for the length check, which would download a tokenizer."""
    from langchain_openai import OpenAIEmbeddings  # noqa: PLC0415

    embeddings = OpenAIEmbeddings(
        model=MODEL, api_key="none", base_url=base_url, max_retries=RETRIES, check_embedding_ctx_length=False
    )
    try:
        return len(embeddings.embed_documents(texts)), []
    except Exception as error:  # noqa: BLE001 - whatever it is, the texts are lost
        return 0, [type(error).__name__]


if __name__ == "__main__":
    contender, path, url = sys.argv[1:]
    embedded, errors = {"openai": with_openai, "langchain": with_langchain}[contender](
        json.loads(Path(path).read_text()), url
    )
    print(json.dumps({"embedded": embedded, "errors": errors}))
