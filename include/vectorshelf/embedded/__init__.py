"""Postgres without a server: one below `home`, on a unix socket that only its owner (and root) can open.

`start` leaves it up until `stop`; `running` borrows whatever is up, or starts a server and stops it again when the
last borrower has gone. Every function may be called by several processes at once. A development server: its
settings trade memory and recovery time for speed, never durability. Refuses Windows (no unix sockets, no flock).
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from pydantic import SecretStr

from vectorshelf.embedded.cluster import Cluster
from vectorshelf.embedded.locks import Holders, exclusive
from vectorshelf.errors import ConfigurationError, VectorshelfError
from vectorshelf.store import databases, db

__all__ = ["DATABASE", "VERSION", "database", "running", "start", "stop", "url"]

DATABASE = "vectorshelf"
VERSION = 18
_MAINTENANCE = "postgres"


def start(home: Path, version: int = VERSION) -> SecretStr:
    """Start the server unless it is up, and keep it up until `stop`. Returns the URL of database `vectorshelf`.

    Raises ConfigurationError when the embedded Postgres is not installed or this place cannot hold it.
    """
    cluster = Cluster(home, version)
    with exclusive(cluster.lock_file):
        found = _ensure_up(cluster)
        cluster.keep()
        return found


def stop(home: Path, version: int = VERSION) -> bool:
    """Stop the server, disconnecting whoever uses it. Returns whether it was up."""
    cluster = Cluster(home, version)
    if not cluster.data.exists():
        return False
    with exclusive(cluster.lock_file):
        return cluster.stop()


def url(home: Path, version: int = VERSION) -> SecretStr | None:
    """The URL of database `vectorshelf`, or None when the server is not up. Starts and creates nothing."""
    cluster = Cluster(home, version)
    return _address(cluster, DATABASE) if cluster.socket_folder() else None


@contextmanager
def running(home: Path, version: int = VERSION) -> Iterator[SecretStr]:
    """Yield the URL of a server that stays up for this block.

    A server that was started here is stopped afterwards, unless another process borrowed it meanwhile, `start`
    was called, or some other client is connected.
    """
    cluster = Cluster(home, version)
    holders = Holders(cluster.holders_file)
    with exclusive(cluster.lock_file):
        holders.join()
        found = _ensure_up(cluster)
    try:
        yield found
    finally:
        with exclusive(cluster.lock_file):
            if holders.leave_as_last() and not cluster.is_kept() and not _has_clients(cluster):
                cluster.stop()


def database(home: Path, name: str, *, driver: Literal["psycopg2"] | None = None, version: int = VERSION) -> SecretStr:
    """The URL of another database on the running server, created if it is not there.

    `driver="psycopg2"` gives SQLAlchemy's form `postgresql+psycopg2://…`, which psycopg2 itself does not read.
    """
    cluster = Cluster(home, version)
    if cluster.socket_folder() is None:
        raise ConfigurationError(f"no embedded Postgres is running below {cluster.home}: vectorshelf db start")
    _create(cluster, name)
    return _address(cluster, name, driver)


def _ensure_up(cluster: Cluster) -> SecretStr:
    if cluster.socket_folder() is None:
        cluster.start()
    _create(cluster, DATABASE)
    return _address(cluster, DATABASE)


def _create(cluster: Cluster, name: str) -> None:
    with db.connect(_address(cluster, _MAINTENANCE)) as conn:
        databases.create_if_absent(conn, name)


def _has_clients(cluster: Cluster) -> bool:
    """Somebody's psql, notebook or Airflow: stopping would cut them off. A server that is down has none."""
    if cluster.socket_folder() is None:
        return False
    try:
        with db.connect(_address(cluster, _MAINTENANCE)) as conn:
            return all(databases.other_clients(conn) > 0 for _ in _pauses())
    except VectorshelfError:
        return False  # it is up and refuses everybody: nobody to protect


def _pauses() -> Iterator[None]:
    """Moments to look again: the server's side of a connection we have just closed takes a little to go."""
    for seconds in (0.0, 0.02, 0.1, 0.4, 0.8):
        time.sleep(seconds)
        yield


def _address(cluster: Cluster, name: str, driver: str | None = None) -> SecretStr:
    folder = cluster.socket_folder()
    if folder is None:
        raise VectorshelfError(f"the embedded Postgres went away: its log is {cluster.log}")
    scheme = f"postgresql+{driver}" if driver else "postgresql"
    return SecretStr(f"{scheme}://postgres@/{quote(name, safe='')}?host={quote(str(folder), safe='/')}")
