"""Batches: what a file's line says and is read as, where jobs are split, and when a run uses them at all."""

import orjson
import pytest

from vectorshelf.embed.batch_lines import Choice, choose, custom_id, in_jobs, line_of, lines_in, result_of, wait_of
from vectorshelf.embed.embedder import BadAnswerError, Dialect
from vectorshelf.embed.packing import Text

JOB = "0123456789abcdef"


def requests(*sizes: int, text: str = "x") -> list[list[Text]]:
    return [[Text(b"", text)] * size for size in sizes]


@pytest.mark.parametrize(
    ("mode", "kind", "texts", "cost", "minutes", "use"),
    [
        ("never", "backfill", 10_000_000, 500.0, 5000.0, False),
        ("always", "scheduled", 1, 0.0, 0.0, True),
        ("always", "manual", 0, 0.0, 0.0, False),
        ("auto", "scheduled", 10_000_000, 500.0, 5000.0, False),  # the next night comes before a job must end
        ("auto", "backfill", 10_000_000, 2.0, 1.0, True),  # saves a dollar
        ("auto", "manual", 10_000_000, 1.99, 59.0, False),
        ("auto", "manual", 10_000_000, 0.0, 60.0, True),  # a server of one's own has no price, but it has a pace
        ("auto", "backfill", 100, 0.001, 0.1, False),
    ],
)
def test_batches_are_chosen_by_size_and_by_the_runs_deadline(mode, kind, texts, cost, minutes, use):
    found = choose(mode, kind, texts, cost, minutes)
    assert isinstance(found, Choice)
    assert found.use is use
    assert found.reason


def test_jobs_are_split_at_their_inputs_whatever_the_lines():
    found = [(job, line) for job, line, _ in in_jobs(requests(4, 4, 2, 1, 10, 10), max_inputs=10)]
    assert found == [(0, 0), (0, 1), (0, 2), (1, 0), (2, 0), (3, 0)]


def test_jobs_are_split_before_their_file_is_too_large():
    files: dict[int, int] = {}
    for job, line, texts in in_jobs(requests(*[3] * 50, text="long " * 200), max_bytes=20_000):
        written = line_of(custom_id(JOB, line), "text-embedding-3-small", 1536, Dialect(), [t.text for t in texts])
        files[job] = files.get(job, 0) + len(written)
    assert len(files) > 5
    assert max(files.values()) <= 20_000


def test_no_text_is_lost_or_moved_when_jobs_are_split():
    sent = requests(3, 5, 2, 8)
    assert [texts for _, _, texts in in_jobs(sent, max_inputs=8)] == sent


@pytest.mark.parametrize("dialect", [Dialect(), Dialect("float", send_dimensions=False)])
def test_a_line_is_an_ordinary_request_with_a_name(dialect):
    raw = line_of(custom_id(JOB, 7), "text-embedding-3-small", 64, dialect, ["a\nb", "ü"])
    assert raw.count(b"\n") == 1
    line = orjson.loads(raw)
    assert (line["custom_id"], line["method"], line["url"]) == (f"{JOB}-7", "POST", "/v1/embeddings")
    body = {"model": "text-embedding-3-small", "input": ["a\nb", "ü"], "encoding_format": dialect.encoding}
    assert line["body"] == (body | {"dimensions": 64} if dialect.send_dimensions else body)


def test_a_result_is_known_by_its_name():
    raw = orjson.dumps(
        {"custom_id": f"{JOB}-12", "response": {"status_code": 200, "body": {"data": []}}, "error": None}
    )
    found = result_of(raw, JOB)
    assert (found.line, found.body) == (12, b'{"data":[]}')


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ({"response": {"status_code": 400, "body": {"error": {"message": "rejected"}}}}, "400 rejected"),
        ({"response": None, "error": {"code": "batch_expired", "message": "too late"}}, "too late"),
        ({"response": None, "error": None}, "no reason given"),
    ],
)
def test_a_line_that_failed_says_why(line, fault):
    found = result_of(orjson.dumps({"custom_id": f"{JOB}-0", **line}), JOB)
    assert found.body is None
    assert found.fault == fault


@pytest.mark.parametrize(
    "raw", [b"{", b"[]", b"{}", b'{"custom_id": "other-1"}', b'{"custom_id": "x"}', b'{"custom_id": 3}']
)
def test_a_line_of_nothing_we_know_is_a_bad_answer(raw):
    with pytest.raises(BadAnswerError):
        result_of(raw, JOB)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_lines_are_found_however_the_bytes_arrive(size):
    # U+2028 and U+0085 end a line for Python's splitlines, and not in JSONL.
    content = '{"a": 1}\n\n{"b": "\u2028\u0085"}\r\n{"c": 3}'.encode()
    chunks = [content[start : start + size] for start in range(0, len(content), size)]
    assert list(lines_in(chunks)) == [b'{"a": 1}', '{"b": "\u2028\u0085"}'.encode(), b'{"c": 3}']


def test_looks_become_rarer_up_to_five_minutes():
    waits = [wait_of(attempt) for attempt in range(1, 30)]
    assert waits == sorted(waits)
    assert (waits[0], waits[-1], wait_of(10_000)) == (5.0, 300.0, 300.0)
