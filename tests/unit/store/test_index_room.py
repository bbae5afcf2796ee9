import pytest

from vectorshelf.errors import ConfigurationError
from vectorshelf.store.index_memory import MIB
from vectorshelf.store.index_room import Server, available_bytes, settings_for_hnsw, settings_for_ivfflat
from vectorshelf.store.table import ServingTable

TABLE = ServingTable("public", "products", 1536)
MEMINFO = "MemTotal:       24684100 kB\nMemFree:        19577244 kB\nMemAvailable:    2048000 kB\n"


def megabytes(settings: dict[str, str]) -> int:
    return int(settings["maintenance_work_mem"].removesuffix("kB")) // 1024


def test_a_build_gets_what_pgvector_requires_whatever_the_server_starts_with():
    settings = settings_for_ivfflat(TABLE, 300, Server(64 * MIB, 128 * MIB, None))
    assert megabytes(settings) > 110


def test_a_server_that_is_set_to_more_keeps_it():
    assert megabytes(settings_for_ivfflat(TABLE, 10, Server(2048 * MIB, 128 * MIB, None))) == 2048


def test_a_server_known_to_have_too_little_is_refused_with_the_figure_and_a_remedy():
    with pytest.raises(ConfigurationError) as refused:
        settings_for_ivfflat(TABLE, 1_000, Server(64 * MIB, 128 * MIB, 256 * MIB))
    assert "1000 lists over 1536 dimensions takes 532 MB" in str(refused.value)
    assert "the server has 256 MB" in str(refused.value)
    assert "set index.lists to 574 or fewer" in str(refused.value)


def test_hnsw_takes_half_of_what_is_free_or_shared_buffers_where_nobody_knows():
    assert megabytes(settings_for_hnsw(TABLE, 10**6, Server(64 * MIB, 128 * MIB, 4096 * MIB))) == 2048
    assert megabytes(settings_for_hnsw(TABLE, 10**6, Server(64 * MIB, 128 * MIB, None))) == 128
    assert megabytes(settings_for_hnsw(TABLE, 10, Server(64 * MIB, 128 * MIB, None))) == 64


@pytest.mark.parametrize(
    ("meminfo", "limit", "available"),
    [
        (MEMINFO, None, 2_000 * MIB),
        (MEMINFO, "max\n", 2_000 * MIB),
        (MEMINFO, "1073741824\n", 1_024 * MIB),
        (None, "1073741824\n", 1_024 * MIB),
        (None, None, None),
    ],
)
def test_memory_is_the_smaller_of_the_machines_and_the_containers(meminfo, limit, available):
    assert available_bytes(meminfo, limit) == available
