"""Memory does not grow with the catalog: ten times the rows, the same peak, each stage in a process of its own.

`python -m benchmarks.memory` shows the same at a hundred thousand and a million rows.
"""

from benchmarks.memory import grown


def test_extract_and_load_hold_no_more_of_ten_times_the_rows(database_url, tmp_path):
    small = grown(4_000, database_url, tmp_path)
    large = grown(40_000, database_url, tmp_path)
    for stage in ("extract", "plan", "embed", "load"):
        assert large[stage].peak <= 1.3 * small[stage].peak, f"{stage}: {small[stage].peak} to {large[stage].peak} MiB"
