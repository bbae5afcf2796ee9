"""What the documents name exists."""

import ast
import re

import pytest

from tests.conftest import REPOSITORY

DOCUMENTS = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
FILE = re.compile(r"`((?:tests|dags|plugins|include|benchmarks|docs|scripts)/[\w./-]+\.(?:py|md|sql|yaml))`")


def functions(path: str) -> set[str]:
    tree = ast.parse((REPOSITORY / path).read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_test_that_the_list_of_defects_names_exists():
    named = TEST.findall((REPOSITORY / "docs" / "tutorial-defects.md").read_text("utf-8"))
    assert len(named) > 10
    missing = [f"{path}::{name}" for path, name in named if name not in functions(path)]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_every_file_that_a_document_names_exists(document):
    missing = [name for name in FILE.findall(document.read_text("utf-8")) if not (REPOSITORY / name).exists()]
    assert missing == []
