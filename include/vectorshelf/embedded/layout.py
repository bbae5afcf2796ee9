"""Where the server's socket may be and how it is set up: pure decisions, no processes."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

PORT = 5432
SOCKET_NAME = f".s.PGSQL.{PORT}"
MAX_SOCKET_PATH = 103
"""Bytes. Linux allows 107 and macOS 103 before the closing zero (`sun_path`)."""

_SMALL_SHARED_MEMORY = 1 << 30
_PLAIN = re.compile(r"[A-Za-z0-9_./-]+")


def socket_folder_for(data: Path, short: Path) -> Path:
    """The data folder itself, or a folder in `short` when a socket's path there is too long or not plain.

    libpq reads a comma as a list of hosts and Postgres splits its own list of socket folders the same way.
    """
    inside = str(data / SOCKET_NAME)
    if len(inside.encode()) <= MAX_SOCKET_PATH and _PLAIN.fullmatch(inside):
        return data
    return short / f"vectorshelf-{hashlib.sha256(str(data).encode()).hexdigest()[:12]}"


def server_settings(socket_folder: Path, shared_memory: int | None) -> Mapping[str, str]:
    """A development server: more memory, fewer checkpoints, no replication, and everything still durable.

    `shared_memory` is the size of /dev/shm in bytes, None where there is none. Docker gives 64 MB, in which a
    parallel index build fails: shared segments are then files in the data folder.
    """
    small = shared_memory is not None and shared_memory < _SMALL_SHARED_MEMORY
    return {
        "listen_addresses": "",
        "port": str(PORT),
        "unix_socket_directories": str(socket_folder),
        "unix_socket_permissions": "0700",  # authentication is `trust`: whoever opens the socket is superuser
        "cluster_name": "vectorshelf",
        "max_connections": "200",  # Airflow's parts hold tens of them
        "shared_buffers": "256MB",
        "max_wal_size": "2GB",
        "checkpoint_timeout": "15min",
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "random_page_cost": "1.1",
        "jit": "off",  # costs more than it gains on queries of this size
        "timezone": "UTC",
        "log_timezone": "UTC",
        **({"dynamic_shared_memory_type": "mmap"} if small else {}),
    }


def initdb_options(version: int) -> list[str]:
    """The same on every machine: UTF-8, byte order, and full Unicode case folding where Postgres ships it (17+)."""
    options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-instructions"]
    if version >= 17:  # noqa: PLR2004  the version that brought the builtin provider
        options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return options


def unusable(data: Path) -> str | None:
    """Why pg_ctl, which hands the path to a shell in double quotes, cannot take this folder; None if it can."""
    found = sorted(set(str(data)) & set('"$`\\\n'))
    return f"its path contains {' '.join(map(repr, found))}" if found else None
