"""The command answers `--help` without loading what only its work needs."""

import subprocess
import sys

import pytest

HEAVY = ("airflow", "fsspec", "numpy", "openai", "orjson", "psutil", "psycopg2", "pyarrow", "rich", "wordllama", "yaml")

SCRIPT = """
import sys
from vectorshelf.cli import main
sys.argv = ["vectorshelf", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    assert end.code == 0, end.code
print("loaded:", *(name for name in {heavy} if name in sys.modules), file=sys.stderr)
"""


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["--version"], ["run", "--help"], ["db", "--help"]])
def test_help_loads_no_heavy_library(arguments):
    script = SCRIPT.format(heavy=HEAVY)
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip() == "loaded:"


def test_the_check_would_notice_a_heavy_import():
    script = "import yaml\n" + SCRIPT.format(heavy=HEAVY)
    done = subprocess.run(
        [sys.executable, "-c", script, "--help"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr.strip() == "loaded: yaml"


def test_python_m_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "vectorshelf", "--version"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.startswith("vectorshelf ")
