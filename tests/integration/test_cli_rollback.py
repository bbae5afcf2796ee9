"""`vectorshelf rollback`: one command back, one to drop what stands by, and what they say."""

import pytest

from tests.integration.command import Command

OLD, NEW = ({"provider": "local", "dimensions": size} for size in (64, 128))


@pytest.fixture
def command(tmp_path, database_url) -> Command:
    found = Command(tmp_path, DATABASE_URL=database_url.get_secret_value())
    found.snapshot(1)
    found.catalog(embedding=OLD)
    return found


def test_one_command_goes_back_and_one_forgets(command):
    command.json("run", "shop", "--as-of", "2025-11-01")
    command.catalog(embedding=NEW)
    planned = command("run", "shop", "--as-of", "2025-11-01", "--dry-run")
    assert "to change from wordllama-l2-supercat (64) to wordllama-l2-supercat (128)" in planned.stdout
    assert command.json("run", "shop", "--as-of", "2025-11-01")["model_change"]["made"]

    done = command("rollback", "shop")
    assert done.returncode == 0, done.stderr
    assert "public.shop has vectors of wordllama-l2-supercat (64 dimensions) again, as of 2025-11-01" in done.stdout
    assert "the next run of the whole catalog changes the model once more" in done.stdout

    command.catalog(embedding=OLD)
    assert command.json("rollback", "shop", "--forget") == {"catalog": "shop", "dropped": ["public.shop__previous"]}
    failed = command.json("rollback", "shop", code=2)
    assert "there is no public.shop__previous to go back to" in failed["error"]
    assert command.json("search", "shop", "pear")["results"][0]["name"] == "pear"
