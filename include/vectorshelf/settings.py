"""The one place where the environment and `.env` are read. Nothing deeper looks at `os.environ`.

In Airflow the same object is built from Connections (`plugins/vectorshelf_connections.py`).
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

from dotenv import dotenv_values
from pydantic import BaseModel, ConfigDict, SecretStr

Opener = Callable[[str], BinaryIO]

_CONNECTION_PREFIX = "AIRFLOW_CONN_"


class Settings(BaseModel):
    """Where the database and the model are. Frozen; secrets are `SecretStr` and never print.

    `database_url` None means: the embedded Postgres below `home` (the faces start it and fill the URL in).
    """

    model_config = ConfigDict(frozen=True)

    database_url: SecretStr | None = None
    openai_api_key: SecretStr | None = None
    openai_base_url: str | None = None
    catalogs: Path = Path("include/catalogs")
    home: Path = Path(".vectorshelf")

    connections: dict[str, SecretStr] = {}
    """Postgres URLs of SQL sources, by connection id in lower case."""

    opener: Opener | None = None
    """Opens a source path for reading bytes; None means fsspec. Airflow passes its object storage."""

    @classmethod
    def from_environment(cls, dotenv: Path = Path(".env"), environ: Mapping[str, str] | None = None) -> "Settings":
        """Read `.env` (if there is one) under the process's environment, which wins. Empty values count as unset."""
        merged = {**dotenv_values(dotenv), **(os.environ if environ is None else environ)}
        found = {key: value for key, value in merged.items() if value}
        fields = {
            "database_url": found.get("DATABASE_URL"),
            "openai_api_key": found.get("OPENAI_API_KEY"),
            "openai_base_url": found.get("OPENAI_BASE_URL"),
            "catalogs": found.get("VECTORSHELF_CATALOGS"),
            "home": found.get("VECTORSHELF_HOME"),
            "connections": {
                key.removeprefix(_CONNECTION_PREFIX).lower(): SecretStr(value)
                for key, value in found.items()
                if key.startswith(_CONNECTION_PREFIX)
            },
        }
        return cls.model_validate({key: value for key, value in fields.items() if value is not None})
