"""What is wrong or doubtful in a catalog file, as data: for `vectorshelf check`, for DAG import errors, for people."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from vectorshelf.errors import ConfigurationError


@dataclass(frozen=True)
class Finding:
    """One sentence about one key: what is wrong and what to write instead.

    `key` is dotted (`embedding.dimensions`), `line` counts from 1; either is None when the fault has no such place.
    A warning is legal and probably not meant.
    """

    message: str
    key: str | None = None
    line: int | None = None
    level: Literal["error", "warning"] = "error"
    file: Path | None = None

    def __str__(self) -> str:
        """`electronics.yaml:12: embedding.dimensions: …`."""
        place = f"{self.file}:{self.line}" if self.file and self.line else str(self.file or "")
        return ": ".join(part for part in (place, self.key, self.message) if part)

    def at(self, file: Path) -> "Finding":
        """The same finding, in this file."""
        return replace(self, file=file)


class CatalogFileError(ConfigurationError):
    """A catalog file that cannot be used. `findings` has every fault; `name` the catalog's name if it can be read."""

    def __init__(self, file: Path, findings: list[Finding], name: str | None = None) -> None:
        self.file = file
        self.findings = tuple(finding.at(file) for finding in findings)
        self.name = name
        super().__init__("\n".join(map(str, self.findings)))

    def __reduce__(self) -> tuple[type["CatalogFileError"], tuple[Path, list[Finding], str | None]]:
        """Survive the way between processes: exceptions are rebuilt from their arguments."""
        return CatalogFileError, (self.file, list(self.findings), self.name)
