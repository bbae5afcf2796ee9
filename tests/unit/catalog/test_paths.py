"""A date becomes a path, and the names found in a folder become dates again."""

import re
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vectorshelf.catalog.paths import PathTemplate, absolute, format_of, is_local, previous_pattern, render_path

AS_OF = datetime(2026, 11, 20, 2, 5, 9, tzinfo=UTC)
clock = datetime.fromisoformat  # what clocks show, without a zone
AUCKLAND = ZoneInfo("Pacific/Auckland")


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("data/{as_of:%Y-%m-%d}.csv.gz", "data/2026-11-20.csv.gz"),
        ("data/{as_of}.csv", "data/2026-11-20.csv"),
        ("s3://b/{as_of:%Y}/{as_of:%m}/p-{as_of:%y%j}.csv", "s3://b/2026/11/p-26324.csv"),
        ("{as_of:%Y%m%dT%H:%M:%S}.jsonl", "20261120T02:05:09.jsonl"),
        ("100%-{{as_of}}.csv", "100%-{as_of}.csv"),
        ("plain.csv", "plain.csv"),
    ],
)
def test_a_date_is_written_into_the_path(template, path):
    assert render_path(template, AS_OF, UTC) == path


def test_the_date_is_the_one_on_the_catalogs_clocks():
    evening = datetime(2026, 11, 20, 18, tzinfo=UTC)
    assert render_path("{as_of}.csv", evening, AUCKLAND) == "2026-11-21.csv"
    assert render_path("{as_of}.csv", evening.astimezone(AUCKLAND), UTC) == "2026-11-20.csv"


@pytest.mark.parametrize(
    ("template", "remedy"),
    [
        ("{date}.csv", "as {as_of:%Y-%m-%d}"),
        ("{as_off:%Y}.csv", "as {as_of:%Y-%m-%d}"),
        ("{}.csv", "as {as_of:%Y-%m-%d}"),
        ("{as_of:today}.csv", "write {as_of:%Y-%m-%d}"),
        ("{as_of:%B}.csv", "use %Y %y %m %d %j %H %M %S"),
        ("{as_of:%-d}.csv", "use %Y"),
        ("{as_of:%}.csv", "use %Y"),
        ("{as_of.csv", "no partner"),
    ],
)
def test_any_other_placeholder_is_refused_with_what_to_write(template, remedy):
    with pytest.raises(ValueError, match=re.escape(remedy)):
        PathTemplate(template)


literals = st.text("ab/.-_*?[]{}%1\n", max_size=6).map(lambda text: text.replace("{", "{{").replace("}", "}}"))
formats = st.lists(
    st.sampled_from(["%Y-%m-%d", "%Y%j", "%Y/%m", "%y%m%d", "%H", "%Y-%m-%dT%H:%M:%S"]), min_size=1, max_size=3
)


@given(literals, formats, literals, st.datetimes(clock("1970-01-01"), clock("2068-12-31")))
def test_every_rendered_path_matches_its_glob_and_is_read_back_as_its_date(first, wanted, last, moment):
    template = PathTemplate(first + "".join(f"{{as_of:{text}}}x" for text in wanted) + last)
    path = template.render(moment.replace(tzinfo=UTC), UTC)
    assert fnmatchcase(path, template.glob)
    found = template.date_of(path)
    assert found is not None
    assert template.render(found.replace(tzinfo=UTC), UTC) == path


@pytest.mark.parametrize(
    "name",
    ["2026-13-01.csv", "2026-1-01.csv", "x2026-01-01.csv", "2026-01-01.csv.bak", "2026-02-30.csv", "٢٠٢٦-01-01.csv"],
)
def test_a_name_that_is_no_date_of_this_template_is_none(name):
    assert PathTemplate("{as_of:%Y-%m-%d}.csv").date_of(name) is None


def test_a_date_written_twice_has_to_agree_with_itself():
    template = PathTemplate("{as_of:%Y}/{as_of:%Y-%m}.csv")
    assert template.date_of("2026/2026-11.csv") == clock("2026-11-01")
    assert template.date_of("2025/2026-11.csv") is None


def test_the_previous_file_is_the_newest_one_before_the_dates_own():
    template = PathTemplate("s3://bucket/p-{as_of:%Y-%m-%d}.csv")
    listed = [
        "bucket/p-2026-11-17.csv",
        "bucket/p-2026-11-19.csv",
        "bucket/p-2026-11-20.csv",
        "bucket/p-2026-12-01.csv",
    ]
    assert template.newest_before([*listed, "bucket/p-latest.csv"], AS_OF, UTC) == "s3://bucket/p-2026-11-19.csv"
    assert template.newest_before(listed[2:], AS_OF, UTC) is None
    assert template.newest_before([], AS_OF, UTC) is None


def test_an_hourly_file_of_the_same_day_can_be_the_previous_one():
    template = PathTemplate("{as_of:%Y-%m-%dT%H}.csv")
    listed = [f"2026-11-20T{hour:02}.csv" for hour in (0, 1, 2, 3)]
    assert template.newest_before(listed, AS_OF + timedelta(minutes=30), UTC) == "2026-11-20T01.csv"


@pytest.mark.parametrize(
    ("wanted", "sortable"),
    [
        ("{as_of:%Y-%m-%d}", True),
        ("{as_of:%Y}/{as_of:%j}", True),
        ("{as_of:%y%m}", True),
        ("{as_of:%Y-%m-%d %H:%M}", True),
        ("{as_of:%d}", False),
        ("{as_of:%Y-%d}", False),
        ("{as_of:%Y-%m-%d %M}", False),
        ("plain", False),
    ],
)
def test_a_date_tells_the_newer_file_only_if_its_larger_units_are_there(wanted, sortable):
    assert PathTemplate(f"{wanted}.csv").sortable is sortable


def test_the_pattern_of_previous_files_matches_digits_and_nothing_special():
    assert previous_pattern("a[1]*/{as_of:%Y-%m}.csv") == "a[[]1][*]/????-??.csv"


def test_a_relative_path_starts_at_the_given_folder_and_its_braces_stay_literal(tmp_path: Path):
    folder = tmp_path / "{as_of}"
    folder.mkdir()
    template = absolute("../data/{as_of}.csv", folder)
    assert render_path(template, AS_OF, UTC) == f"{tmp_path}/data/2026-11-20.csv"
    template = absolute("./{as_of}.csv", folder)
    assert render_path(template, AS_OF, UTC) == f"{folder}/2026-11-20.csv"


@pytest.mark.parametrize("path", ["/data/x.csv", "s3://bucket/x.csv", "https://host/x.csv", "file:///x.csv"])
def test_an_absolute_path_or_url_stays_as_it_is(path, tmp_path):
    assert absolute(path, tmp_path) == path
    assert is_local(path) is path.startswith("/")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("a.csv", "csv"),
        ("A.CSV.GZ", "csv"),
        ("a.tab", "tsv"),
        ("a.b.ndjson.gz", "jsonl"),
        ("s3://b/a.parquet", "parquet"),
        ("https://h/a.csv?token=x.tsv#y", "csv"),
        ("what?.tsv", "tsv"),
        ("a.txt", None),
        ("csv", None),
    ],
)
def test_the_name_tells_the_format(path, kind):
    assert format_of(path) == kind
