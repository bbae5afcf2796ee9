"""`vectorshelf check`: every error, and warnings for what is legal but hardly meant."""

import pytest

from tests.unit.catalog.examples import GOOD, written
from vectorshelf.catalog.checking import check_file, check_folder
from vectorshelf.errors import ConfigurationError

QUIET = f"{GOOD}embedding: {{provider: local}}\n"


def test_a_good_file_has_no_findings(tmp_path):
    checked = check_file(written(tmp_path, QUIET))
    assert checked.usable
    assert checked.findings == ()


def test_a_broken_file_has_its_errors_and_no_catalog(tmp_path):
    checked = check_file(written(tmp_path, f"{QUIET}tabel: x\n"))
    assert not checked.usable
    assert [(f.level, f.line, f.key) for f in checked.findings] == [("error", 5, "tabel")]


@pytest.mark.parametrize(
    ("added", "line", "key", "remedy"),
    [
        ("schedule: '0 2 * * *'", 2, "source.path", "put {as_of:%Y-%m-%d} into the path"),
        ("max_delete_fraction: 1", 5, "max_delete_fraction", "set it below 1"),
    ],
)
def test_what_is_legal_but_hardly_meant_is_a_warning(tmp_path, added, line, key, remedy):
    checked = check_file(written(tmp_path, f"{QUIET}{added}\n"))
    assert checked.usable
    (warning,) = checked.findings
    assert (warning.level, warning.line, warning.key) == ("warning", line, key)
    assert remedy in warning.message


def test_a_paid_model_without_a_limit_is_a_warning(tmp_path):
    (warning,) = check_file(written(tmp_path)).findings
    assert (warning.key, warning.line) == ("max_cost_usd", None)
    assert check_file(written(tmp_path, f"{GOOD}max_cost_usd: 1\n")).findings == ()


def test_a_folder_is_checked_file_by_file_and_for_what_two_files_share(tmp_path):
    written(tmp_path, QUIET, "b.yaml")
    written(tmp_path, "", "a.yaml")
    written(tmp_path, QUIET, "c.yaml")
    checked = check_folder(tmp_path)
    assert [(found.file.name, found.usable, len(found.findings)) for found in checked] == [
        ("a.yaml", False, 1),
        ("b.yaml", True, 0),
        ("c.yaml", False, 2),
    ]
    assert all(finding.file == found.file for found in checked for finding in found.findings)


def test_a_missing_folder_cannot_be_checked(tmp_path):
    with pytest.raises(ConfigurationError, match="VECTORSHELF_CATALOGS"):
        check_folder(tmp_path / "none")
