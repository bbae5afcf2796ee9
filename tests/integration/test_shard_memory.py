"""Memory of one embed task does not grow with its shard. `python -m benchmarks.shard_memory` goes to 100,000 texts."""

from benchmarks.shard_memory import measure


def test_a_shard_four_times_as_long_takes_no_more_memory(database_url, standin, tmp_path):
    standin.tell(latency=0.5)  # time for as many requests to be under way as may be
    _, small = measure(5_000, database_url, standin.base_url, tmp_path)
    _, large = measure(20_000, database_url, standin.base_url, tmp_path)
    assert large <= 1.2 * small, f"grew from {small:.0f} to {large:.0f} MiB"
