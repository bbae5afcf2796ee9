"""Benchmarks are run by hand and rot unseen: those of a few seconds run here, small, to their last line."""

import subprocess
import sys

import pytest

from local_airflow import PROJECT

SMALL = {
    "bulk": (("--rows", "500", "--dimensions", "4"), "|---"),
    "history": (("--products", "300", "--days", "4", "--dimensions", "8"), "random dates are equal"),
    "load": (("--rows", "1000", "--dimensions", "8"), "fresh searches"),
    "storage": (("--rows", "500", "--dimensions", "16"), "|---"),
}
"""What each is given, and what is in its last lines."""


@pytest.mark.parametrize("name", SMALL)
def test_a_small_run_of_the_benchmark_comes_to_its_end(name):
    arguments, end = SMALL[name]
    command = [sys.executable, "-m", f"benchmarks.{name}", *arguments]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    assert end in done.stdout
