from pathlib import Path

import pytest

from vectorshelf.embedded import layout

SHORT = Path("/tmp")


def test_the_socket_is_in_the_data_folder_when_its_path_fits():
    data = Path("/home/me/project/.vectorshelf/postgres-18")
    assert layout.socket_folder_for(data, SHORT) == data


@pytest.mark.parametrize("name", ["x" * 90, "a,b", "a b", "a'b", "späti"])
def test_a_long_or_unplain_path_gets_a_short_plain_one_of_its_own(name):
    first = layout.socket_folder_for(Path("/") / name / "postgres-18", SHORT)
    second = layout.socket_folder_for(Path("/") / name / "postgres-16", SHORT)
    assert first.parent == SHORT
    assert first != second
    assert len(str(first / layout.SOCKET_NAME)) <= layout.MAX_SOCKET_PATH


def test_the_limit_counts_bytes_with_the_sockets_name():
    fits = Path("/" + "x" * (layout.MAX_SOCKET_PATH - len("/" + "/.s.PGSQL.5432")))
    assert layout.socket_folder_for(fits, SHORT) == fits
    assert layout.socket_folder_for(Path(f"{fits}x"), SHORT) != fits


def test_shared_segments_become_files_only_where_shared_memory_is_small():
    docker, workstation = 64 << 20, 8 << 30
    assert layout.server_settings(SHORT, docker)["dynamic_shared_memory_type"] == "mmap"
    assert "dynamic_shared_memory_type" not in layout.server_settings(SHORT, workstation)
    assert "dynamic_shared_memory_type" not in layout.server_settings(SHORT, None)


def test_nothing_that_makes_a_commit_durable_is_turned_off():
    assert not {"fsync", "synchronous_commit", "full_page_writes"} & set(layout.server_settings(SHORT, None))


def test_the_builtin_locale_is_asked_of_versions_that_have_it():
    assert "--builtin-locale=C.UTF-8" in layout.initdb_options(18)
    assert not any("builtin" in option for option in layout.initdb_options(16))


@pytest.mark.parametrize("sign", ['"', "$", "`", "\\"])
def test_a_path_that_a_shell_would_change_is_named_unusable(sign):
    assert repr(sign) in (layout.unusable(Path(f"/a{sign}b")) or "")
    assert layout.unusable(Path("/a b'c,d")) is None
