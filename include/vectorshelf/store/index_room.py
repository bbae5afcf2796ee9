"""Make room for a build: what maintenance_work_mem it needs, and whether the server can give it.

What can be known without an account on the server's machine is little: Postgres shows its settings, and the files
that tell of memory only to roles that may read server files. What cannot be known is tried, and the server's own
refusal is translated where the build runs.
"""

from dataclasses import dataclass

from vectorshelf.errors import ConfigurationError
from vectorshelf.store.db import Cursor, query
from vectorshelf.store.index_memory import MIB, hnsw_bytes, ivfflat_bytes, lists_that_fit, with_headroom
from vectorshelf.store.table import ServingTable

_LEAST_FOR_WORKERS = 128 * MIB  # Postgres starts a parallel worker only for every 32 MB, the leader's included
_TOAST_COUNTS = "512kB"
"""min_parallel_table_scan_size during a build. Wide vectors lie in the TOAST table, which Postgres does not count when
it decides about workers: 50,000 x 1,536 has a heap of 6 MB. Measured there: 2.7 s with two workers, 4.1 s without."""


@dataclass(frozen=True)
class Server:
    """The memory side of a server, in bytes. `available` None: not shown to our role."""

    maintenance_work_mem: int
    shared_buffers: int
    available: int | None


def read_server(cur: Cursor) -> Server:
    """Ask the server, and its operating system where our role may."""
    cur.execute(
        "SELECT pg_size_bytes(current_setting(name))"
        " FROM unnest(ARRAY['maintenance_work_mem', 'shared_buffers']) AS name"
    )
    work, buffers = (size for (size,) in cur.fetchall())
    cur.execute("SELECT pg_has_role('pg_read_server_files', 'USAGE')")
    if not (cur.fetchone() or (False,))[0]:
        return Server(work, buffers, None)
    cur.execute(query("server_memory"))
    meminfo, limit = cur.fetchone() or (None, None)
    return Server(work, buffers, available_bytes(meminfo, limit))


def available_bytes(meminfo: str | None, container_limit: str | None) -> int | None:
    """The smaller of Linux's MemAvailable and the container's limit; None when neither says a number."""
    found = [int(line.split()[1]) * 1024 for line in (meminfo or "").splitlines() if line.startswith("MemAvailable:")]
    if container_limit and container_limit.strip().isdigit():
        found.append(int(container_limit))
    return min(found, default=None)


def settings_for_ivfflat(table: ServingTable, lists: int, server: Server) -> dict[str, str]:
    """Session settings for the build. Raises ConfigurationError when the server is known to lack the memory."""
    need = with_headroom(ivfflat_bytes(table.dimensions, lists, table.storage))
    if server.available is not None and need > server.available:
        fit = lists_that_fit(table.dimensions, server.available, table.storage)
        remedy = f"set index.lists to {fit} or fewer" if fit else "choose index.type none"
        raise ConfigurationError(
            f"an ivfflat index of {lists} lists over {table.dimensions} dimensions takes {need // MIB:,} MB to build, "
            f"the server has {server.available // MIB:,} MB: give it more, or {remedy} (table {table.label})"
        )
    return _settings(max(need, server.maintenance_work_mem, _within(server, _LEAST_FOR_WORKERS)))


def settings_for_hnsw(table: ServingTable, rows: int, server: Server) -> dict[str, str]:
    """As much of the graph in memory as is decent: half of what is free, or where that is not known, shared_buffers.

    Never a refusal: with less memory hnsw builds more slowly, not less well.
    """
    decent = server.shared_buffers if server.available is None else server.available // 2
    wanted = min(with_headroom(hnsw_bytes(table.dimensions, rows, table.storage)), decent)
    return _settings(max(wanted, server.maintenance_work_mem))


def _within(server: Server, wanted: int) -> int:
    return wanted if server.available is None else min(wanted, server.available // 2)


def _settings(memory: int) -> dict[str, str]:
    return {"maintenance_work_mem": f"{memory // 1024}kB", "min_parallel_table_scan_size": _TOAST_COUNTS}
