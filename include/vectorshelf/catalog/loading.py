"""Catalog files from disk: one, a folder of them, or one by name. A broken file never hides the others."""

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from pydantic import ValidationError

from vectorshelf.catalog import document
from vectorshelf.catalog.explain import explain
from vectorshelf.catalog.findings import CatalogFileError, Finding
from vectorshelf.catalog.model import Catalog
from vectorshelf.catalog.paths import absolute
from vectorshelf.errors import ConfigurationError

_SUFFIXES = {".yaml", ".yml"}


@dataclass(frozen=True)
class Loaded:
    """A folder's catalogs and the errors of its unusable files, each by path, in the order of the files' names."""

    catalogs: dict[Path, Catalog]
    errors: dict[Path, ConfigurationError]


def load_catalog(path: Path) -> Catalog:
    """Read and validate one file. A relative `source.path` becomes absolute, from the file's own folder.

    Raises ConfigurationError (a CatalogFileError) with every fault found: file, line, dotted key, remedy.
    """
    try:
        content = document.read(_bytes(path))
    except document.DocumentError as error:
        raise CatalogFileError(path, error.findings) from error
    try:
        catalog = Catalog.model_validate(content.data)
    except ValidationError as error:
        name = content.data.get("name")
        raise CatalogFileError(path, explain(error, content), name if isinstance(name, str) else None) from None
    return _from_folder(catalog, path.parent)


def load_folder(folder: Path) -> Loaded:
    """Read every `*.yaml` and `*.yml` of a folder, hidden files apart.

    Two files with one name or one table would overwrite each other: the later one is an error.
    Raises ConfigurationError only when there is no such folder.
    """
    catalogs: dict[Path, Catalog] = {}
    errors: dict[Path, ConfigurationError] = {}
    for path in catalog_files(folder):
        try:
            catalog = load_catalog(path)
            if clashes := _clashes(catalog, catalogs):
                raise CatalogFileError(path, clashes, catalog.name)
            catalogs[path] = catalog
        except ConfigurationError as error:
            errors[path] = error
    return Loaded(catalogs, errors)


def find_catalog(name_or_path: str, folder: Path) -> Catalog:
    """The catalog that a person means: a file if it looks like one, else a name among the folder's catalogs.

    Raises ConfigurationError: the file's own error, or the names there are.
    """
    if Path(name_or_path).suffix in _SUFFIXES or "/" in name_or_path:
        return load_catalog(Path(name_or_path))
    loaded = load_folder(folder)
    for catalog in loaded.catalogs.values():
        if catalog.name == name_or_path:
            return catalog
    for path, error in loaded.errors.items():
        if name_or_path in {path.stem, getattr(error, "name", None)}:
            raise error
    raise ConfigurationError(_no_such(name_or_path, folder, loaded))


def catalog_files(folder: Path) -> list[Path]:
    """The catalog files of a folder by name. Raises ConfigurationError when there is no such folder."""
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise ConfigurationError(
            f"no folder of catalog files at {folder} ({error.strerror}): create it, or set VECTORSHELF_CATALOGS"
        ) from error
    return [path for path in entries if path.suffix in _SUFFIXES and not path.name.startswith(".") and path.is_file()]


def _from_folder(catalog: Catalog, folder: Path) -> Catalog:
    """The same catalog, with its relative paths read from its file's folder."""
    source, index = catalog.source, catalog.index
    if source.path is not None:
        source = source.model_copy(update={"path": absolute(source.path, folder)})
    if index.queries is not None:
        index = index.model_copy(update={"queries": str((folder / index.queries).resolve())})
    return catalog.model_copy(update={"source": source, "index": index})


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        message = f"cannot be read ({error.strerror}): check the path and its permissions"
        raise CatalogFileError(path, [Finding(message)]) from error


def _clashes(catalog: Catalog, earlier: dict[Path, Catalog]) -> list[Finding]:
    """What two catalogs cannot share: the name is the DAG's id, and the table has one owner."""
    found = []
    for path, other in earlier.items():
        if catalog.name == other.name:
            found.append(Finding(f"{path.name} already has the name {catalog.name}: choose another", key="name"))
        if catalog.table_parts == other.table_parts:
            found.append(Finding(f"{path.name} already fills the table {catalog.table}: choose another", key="table"))
    return found


def _no_such(name: str, folder: Path, loaded: Loaded) -> str:
    """Why there is no such catalog, and what may have been meant."""
    names = {catalog.name: path.name for path, catalog in loaded.catalogs.items()}
    close = get_close_matches(name, names, n=1)
    same_file = next((catalog.name for path, catalog in loaded.catalogs.items() if path.stem == name), None)
    hints = {
        f"{name}.yaml holds {same_file}": same_file,
        f"did you mean {', '.join(close)}?": close,
        f"{folder} has {', '.join(sorted(names)) or 'none'}": True,
        f"{', '.join(path.name for path in loaded.errors)} cannot be used, vectorshelf check says why": loaded.errors,
    }
    return f"no catalog is called {name}: " + "; ".join(hint for hint, holds in hints.items() if holds)
