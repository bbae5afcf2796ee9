"""Files, gzip and addresses: what opens, and one clear sentence for what does not."""

import gzip
import importlib
import io
import os
import sys
import traceback
from pathlib import Path
from typing import BinaryIO

import fsspec
import pytest

from tests.unit.extract.feeds import AS_OF, GOOD, HEADER, Feed, catalog
from vectorshelf.errors import ConfigurationError, SourceError, SourceMissingError, TransientError
from vectorshelf.extract import read_products
from vectorshelf.extract.faults import label_of

DATA = (HEADER + GOOD).encode()
MANY = (HEADER + "".join(f"{n},Lamp {os.urandom(8).hex()},Home,9\n" for n in range(20_000))).encode()


def ids(path: str | Path, **options: object) -> list[str | None]:
    return [row.id for row in read_products(catalog("x.csv"), as_of=AS_OF, source=str(path), **options)]


@pytest.mark.parametrize("name", ["feed.csv.gz", "feed.csv"])
def test_gzip_is_recognised_by_name_and_by_content(feed: Feed, name: str):
    assert [p.id for p in feed.products(gzip.compress(DATA), name)] == ["1"]


def test_gzip_members_one_after_another_are_one_file(feed: Feed):
    data = gzip.compress(HEADER.encode()) + gzip.compress(GOOD.encode()) + bytes(512)
    assert [p.id for p in feed.products(data, "feed.csv.gz")] == ["1"]


@pytest.mark.parametrize("keep", [1, 2, 10, 1000, 0.5, -1])
def test_gzip_cut_short_anywhere_says_so(feed: Feed, keep: float):
    whole = gzip.compress(MANY)
    cut = whole[: int(keep * len(whole)) if isinstance(keep, float) else keep]
    with pytest.raises(SourceError, match=r"feed\.csv\.gz ends in the middle of its gzip stream: transfer it again"):
        feed.rows(cut, "feed.csv.gz")


@pytest.mark.parametrize("position", [0.3, 0.9])
def test_damaged_gzip_says_so(feed: Feed, position: float):
    data = bytearray(gzip.compress(MANY))
    at = int(position * len(data))
    data[at : at + 64] = bytes(64)
    with pytest.raises(SourceError, match=r"feed\.csv\.gz (is damaged gzip|ends in the middle)"):
        feed.rows(bytes(data), "feed.csv.gz")


def test_garbage_after_gzip_is_damage(feed: Feed):
    with pytest.raises(SourceError, match="damaged gzip"):
        feed.rows(gzip.compress(MANY) + b"garbage", "feed.csv.gz")


def test_a_plain_file_named_gz_is_refused(feed: Feed):
    with pytest.raises(SourceError, match=r"is named \.gz and is not gzip"):
        feed.rows(DATA, "feed.csv.gz")


@pytest.mark.parametrize("name", ["feed.csv.gz", "feed.jsonl", "feed.parquet", "feed.tsv"])
def test_zero_bytes_are_an_empty_file_of_any_format(feed: Feed, name: str):
    with pytest.raises(SourceError, match="is empty"):
        feed.rows(b"", name)


def test_gzip_of_nothing_is_empty(feed: Feed):
    with pytest.raises(SourceError, match="is empty"):
        feed.rows(gzip.compress(b""), "feed.csv.gz")


def test_a_missing_file_has_an_error_of_its_own(tmp_path: Path):
    with pytest.raises(SourceMissingError, match=r"nothing\.csv is not there"):
        ids(tmp_path / "nothing.csv")


def test_a_folder_is_no_file(tmp_path: Path):
    (tmp_path / "feed.csv").mkdir()
    with pytest.raises(SourceError, match="is no file"):
        ids(tmp_path / "feed.csv")


def test_a_file_below_a_file_is_refused(feed: Feed):
    with pytest.raises(SourceError, match="is no file"):
        ids(feed.write(DATA) / "feed.csv")


def test_any_fsspec_address_is_read():
    fsspec.filesystem("memory").pipe("/extract/feed.csv.gz", gzip.compress(DATA))
    assert ids("memory://extract/feed.csv.gz") == ["1"]
    with pytest.raises(SourceMissingError):
        ids("memory://extract/other.csv")


@pytest.mark.parametrize(
    ("path", "package"), [("s3://b/f.csv", "s3fs"), ("gs://b/f.csv", "gcsfs"), ("https://h/f.csv", "aiohttp")]
)
def test_a_file_system_that_is_not_installed_names_its_package(path: str, package: str, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)  # as if it were not installed
    monkeypatch.delitem(sys.modules, "fsspec.implementations.http", raising=False)
    loaded = importlib.import_module("fsspec.registry")._registry
    monkeypatch.delitem(loaded, path.partition("://")[0], raising=False)
    with pytest.raises(ConfigurationError, match=f"needs the package {package}, which is not installed"):
        ids(path)


def test_an_unknown_scheme_is_a_configuration_error():
    with pytest.raises(ConfigurationError, match=r"nosuch://h/f\.csv"):
        ids("nosuch://h/f.csv")


def test_the_opener_is_used_for_every_path(tmp_path: Path):
    asked = []

    def opener(path: str) -> BinaryIO:
        asked.append(path)
        return io.BytesIO(gzip.compress(DATA))

    assert ids("s3://bucket/feed.csv", opener=opener) == ["1"]
    assert ids(tmp_path / "feed.csv", opener=opener) == ["1"]
    assert asked == ["s3://bucket/feed.csv", str(tmp_path / "feed.csv")]


class Trickle(io.RawIOBase):
    """A network stream: hands out a few bytes at a time, and may break."""

    def __init__(self, data: bytes, breaks: Exception | None = None) -> None:
        self._data = io.BytesIO(data)
        self._breaks = breaks

    def read(self, size: int = -1) -> bytes:
        data = self._data.read(3)
        if not data and self._breaks:
            raise self._breaks
        return data


def test_a_stream_that_gives_a_few_bytes_at_a_time_is_read_whole():
    data = gzip.compress((HEADER + GOOD).encode("utf-16"))
    source = catalog("s3://b/f.csv", source={"encoding": "utf-16"})
    rows = read_products(source, as_of=AS_OF, opener=lambda _: Trickle(data))
    assert [row.id for row in rows] == ["1"]


ADDRESS = "https://user:hunter2@h/f.csv?token=hunter2"


class LibraryError(Exception):
    """What HTTP libraries raise: no OSError, a status, and the whole address."""

    def __init__(self, status: int | None = None) -> None:
        super().__init__(f"GET {ADDRESS}")
        self.status = status


def not_found_because(status: int) -> FileNotFoundError:
    """What fsspec makes of any HTTP error it meets when it asks for a file's size."""
    error = FileNotFoundError(ADDRESS)
    error.__cause__ = LibraryError(status)
    return error


@pytest.mark.parametrize(
    ("raised", "reaction"),
    [
        (LibraryError(), TransientError),
        (LibraryError(503), TransientError),
        (LibraryError(404), SourceMissingError),
        (LibraryError(403), ConfigurationError),
        (not_found_because(404), SourceMissingError),
        (not_found_because(403), ConfigurationError),
        (not_found_because(500), TransientError),
        (FileNotFoundError(ADDRESS), SourceMissingError),
        (PermissionError(13, ADDRESS), ConfigurationError),
        (ConnectionResetError(ADDRESS), TransientError),
        (TimeoutError(ADDRESS), TransientError),
        (ValueError(ADDRESS), ConfigurationError),
    ],
)
@pytest.mark.parametrize("when", ["opening", "reading"])
def test_what_goes_wrong_on_the_way_asks_for_its_reaction_without_secrets(raised: Exception, reaction: type, when: str):
    def opener(path: str) -> BinaryIO:
        if when == "opening":
            raise raised
        return Trickle(DATA, breaks=raised)

    with pytest.raises(reaction, match=r"https://h/f\.csv") as caught:
        ids(ADDRESS, opener=opener)
    assert type(caught.value) is reaction
    shown = traceback.TracebackException.from_exception(caught.value)
    while shown is not None:  # the chain that a log would print
        assert "hunter2" not in str(shown)
        shown = shown.__cause__ or (None if shown.__suppress_context__ else shown.__context__)


def test_addresses_in_messages_have_no_login_and_no_query():
    assert label_of("https://user:pw@host:81/a/feed.csv?token=x#y") == "https://host:81/a/feed.csv"
    assert label_of("s3://bucket/a/feed.csv") == "s3://bucket/a/feed.csv"
    assert label_of("/data/what?.csv") == "/data/what?.csv"


def test_the_file_is_closed_when_the_reader_stops_early(tmp_path: Path):
    opened: list[BinaryIO] = []

    def opener(path: str) -> BinaryIO:
        opened.append(io.BytesIO(MANY))
        return opened[-1]

    rows = read_products(catalog("s3://b/f.csv"), as_of=AS_OF, opener=opener)
    next(rows)
    assert not opened[0].closed
    rows.close()
    assert opened[0].closed
