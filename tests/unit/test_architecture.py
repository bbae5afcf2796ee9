"""The house's one rule, read from the code: imports run downward only, and SQL and psycopg2 live in the store."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

PACKAGE = REPOSITORY / "include" / "vectorshelf"

ROOMS = {  # room: what it may import from
    "errors": set(),
    "settings": {"errors"},
    "catalog": {"errors"},
    "extract": {"catalog", "errors"},
    "store": {"errors"},
    "embed": {"store", "catalog", "errors"},
    "pipeline": {"embed", "store", "extract", "catalog", "settings", "errors"},
    "report": {"pipeline", "catalog", "errors"},
    "embedded": {"store", "settings", "errors"},
    "cli": {"report", "embedded", "pipeline", "catalog", "settings", "errors"},
}
STORE_ONLY = {"psycopg2", "pgvector"}
NOWHERE = {"airflow"}


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if room not in {"__init__", "__main__"}:
            yield room, path


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield node.module or ""
            if node.module == "vectorshelf":
                yield from (f"vectorshelf.{alias.name}" for alias in node.names)


@pytest.mark.parametrize(("room", "path"), [pytest.param(r, p, id=str(p.relative_to(PACKAGE))) for r, p in modules()])
def test_imports_run_downward_only(room, path):
    allowed = ROOMS[room] | {room, "__version__"}
    for name in imports(path):
        root, _, rest = name.partition(".")
        assert root not in NOWHERE, f"{path} imports {name}: the package runs without Airflow"
        if root in STORE_ONLY:
            assert room == "store", f"{path} imports {name}: only the store talks to the database"
        if root == "vectorshelf" and rest:
            assert rest.split(".")[0] in allowed, f"{path} imports {name}, which is not below {room}"


def test_the_rule_would_notice_an_upward_import(tmp_path):
    bad = tmp_path / "bad.py"
    bad.write_text("from vectorshelf import pipeline\nimport airflow.sdk\n")
    assert {"vectorshelf.pipeline", "airflow.sdk"} <= set(imports(bad))


def test_sql_keywords_stand_in_the_store_alone():
    for room, path in modules():
        if room in {"store", "catalog"}:  # the catalog room shows an example of a user's own query
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                first = node.value.lstrip().split(" ")[0]
                assert first not in {"SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "ALTER", "DROP"}, (
                    f"{path}:{node.lineno} holds SQL: move it to the store"
                )
