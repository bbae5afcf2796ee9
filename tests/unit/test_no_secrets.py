"""No file of the repository holds a key or a password; examples use words that are plainly none."""

import re
import subprocess

from tests.conftest import REPOSITORY

KEY = re.compile(r"\bsk-[A-Za-z0-9_-]{20,}|\bAKIA[0-9A-Z]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY-----")
LOGIN = re.compile(r"://[^\s/:@\"'`{}$<]+:([^\s/:@\"'`{}$<]+)@")
PLAINLY_NONE = {"password", "secret", "hunter2"}


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, check=True, text=True)
    return [name for name in listed.stdout.split("\0") if name]


def findings(text: str) -> list[str]:
    return KEY.findall(text) + [word for word in LOGIN.findall(text) if word.lower() not in PLAINLY_NONE]


def test_no_tracked_file_holds_a_secret():
    assert tracked(), "git lists no files"
    for name in tracked():
        path = REPOSITORY / name
        if path.is_file() and path.suffix not in {".lock", ".png", ".gz"} and not name.startswith("tests/"):
            assert findings(path.read_text("utf-8", "replace")) == [], name


def test_the_patterns_would_find_one():
    assert findings("key = 'sk-" + "a" * 24 + "'")
    assert findings("postgresql://shop:Tr0ub4dor@db.example/x")
    assert not findings("postgresql://user:password@host:5432/database")
