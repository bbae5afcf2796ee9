"""Whatever extract lets through, or puts aside, Postgres can store."""

from datetime import UTC
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.extract.feeds import AS_OF, catalog
from vectorshelf.extract import Product, Reject, read_products
from vectorshelf.extract.values import json_text

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.decimals()
    | st.text(st.characters(), max_size=8)  # surrogates and NUL included
    | st.binary(max_size=4)
    | st.datetimes(timezones=st.none() | st.just(UTC))
    | st.timedeltas()
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.dictionaries(st.text(max_size=8), VALUES, max_size=4))
def test_json_that_is_not_refused_is_taken_by_jsonb(conn, values):
    try:
        text = json_text(values)
    except ValueError:
        return
    with conn.cursor() as cur:
        cur.execute("SELECT jsonb_typeof(%s::jsonb)", (text,))
        assert cur.fetchone() == ("object",)


EVIL = b"\n".join(
    [
        b"sku,title,department,note",
        b"1,Lamp,Home,\xe2\x82\xac",
        b"2,\xff,Home,latin",
        b"3\x00,Lamp,Home,nul",
        b"4,La\x00mp,Home,nul",
        b"5,Lamp,Home,\x00",
        b"\xff\x00,Lamp,Home,x",
        b"6,Lamp,Home,\xed\xa0\x80 half a pair",
        b"7,Lamp,Home,C:\\u0000 \\ud800",
        b"8,Lamp,Home,\x01\x1f\x7f \xc2\x80",
        b"9,\xf0\x9f\x92\xa1,Home,\xef\xbf\xbf",
        b'10,"Lamp"x,Home,quoted',
        b"x" * 512 + b",Lamp,Home,long id",
        "€".encode() * 512 + b",Lamp,Home,long wide id",
    ]
)


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "gb18030"])
def test_evil_rows_and_their_rejects_are_storable(conn, tmp_path: Path, encoding: str):
    path = tmp_path / "evil.csv"
    path.write_bytes(EVIL)
    rows = list(read_products(catalog(path, source={"encoding": encoding}), as_of=AS_OF))
    assert {type(row) for row in rows} == {Product, Reject}
    with conn.cursor() as cur:
        cur.execute(
            "CREATE TEMP TABLE t (line bigint, id text PRIMARY KEY, name text, category text, attributes jsonb,"
            " text text, sha256 bytea, deleted boolean, dated timestamptz)"
        )
        for row in rows:
            if isinstance(row, Product):
                cur.execute("INSERT INTO t VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)", row)
            else:
                cur.execute("SELECT %s, %s, %s, %s", row)
                assert cur.fetchone() == tuple(row)
