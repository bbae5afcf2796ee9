"""What `vectorshelf check` says about catalog files: every error, and warnings for what is legal but hardly meant.

Reads catalog files only, never a source or a database.
"""

from dataclasses import dataclass
from pathlib import Path

from vectorshelf.catalog import document
from vectorshelf.catalog.findings import CatalogFileError, Finding
from vectorshelf.catalog.loading import load_catalog, load_folder
from vectorshelf.catalog.model import Catalog
from vectorshelf.catalog.paths import PathTemplate
from vectorshelf.errors import ConfigurationError


@dataclass(frozen=True)
class Checked:
    """One file's verdict; `catalog` is None when the file cannot be used."""

    file: Path
    catalog: Catalog | None
    findings: tuple[Finding, ...]

    @property
    def usable(self) -> bool:
        """Whether runs of this catalog can start."""
        return self.catalog is not None


def check_file(path: Path) -> Checked:
    """Check one file by itself."""
    try:
        return _warned(path, load_catalog(path))
    except ConfigurationError as error:
        return _refused(path, error)


def check_folder(folder: Path) -> list[Checked]:
    """Check every file of a folder, and that no two share a name or a table. In the order of the files' names."""
    loaded = load_folder(folder)
    refused = [_refused(path, error) for path, error in loaded.errors.items()]
    usable = [_warned(path, catalog) for path, catalog in loaded.catalogs.items()]
    return sorted(refused + usable, key=lambda checked: checked.file)


def warnings_of(catalog: Catalog) -> list[Finding]:
    """What is allowed and still worth a second look."""
    return [Finding(message, key=key, level="warning") for key, message in _doubts(catalog).items()]


def _doubts(catalog: Catalog) -> dict[str, str]:
    found: dict[str, str] = {}
    path = catalog.source.path
    if path is not None and catalog.schedule and not PathTemplate(path).dated:
        found["source.path"] = (
            "every date reads the same file, so a backfill would load today's products for past dates: "
            "put {as_of:%Y-%m-%d} into the path if the files are dated"
        )
    if catalog.embedding.provider == "openai" and catalog.max_cost_usd is None:
        found["max_cost_usd"] = "nothing limits what a run may cost: add max_cost_usd: 5.0"
    if catalog.max_delete_fraction == 1 and catalog.mode == "snapshot":
        found["max_delete_fraction"] = "the brake is off: a truncated file would empty the table; set it below 1"
    return found


def _warned(path: Path, catalog: Catalog) -> Checked:
    lines = document.read(path.read_bytes())
    doubts = [Finding(f.message, f.key, lines.line_of(f.key or ""), f.level, path) for f in warnings_of(catalog)]
    return Checked(path, catalog, tuple(doubts))


def _refused(path: Path, error: ConfigurationError) -> Checked:
    findings = error.findings if isinstance(error, CatalogFileError) else (Finding(str(error), file=path),)
    return Checked(path, None, findings)
