"""Catalog files: the YAML as a validated, frozen model, and what follows from it without reading any source.

Reads catalog files and nothing else: no sources, no databases, no environment.
"""

from vectorshelf.catalog.checking import Checked, check_file, check_folder
from vectorshelf.catalog.dates import as_of_of, day_of, ticks_of
from vectorshelf.catalog.findings import CatalogFileError, Finding
from vectorshelf.catalog.loading import Loaded, find_catalog, load_catalog, load_folder
from vectorshelf.catalog.model import MAX_DIMENSIONS, Catalog, Columns, Embedding, Index, Load, Source
from vectorshelf.catalog.moments import beginning_of, end_of
from vectorshelf.catalog.paths import PathTemplate, format_of, is_local, previous_pattern, render_path
from vectorshelf.catalog.text import TextTemplate, sha256_of

__all__ = [
    "MAX_DIMENSIONS",
    "Catalog",
    "CatalogFileError",
    "Checked",
    "Columns",
    "Embedding",
    "Finding",
    "Index",
    "Load",
    "Loaded",
    "PathTemplate",
    "Source",
    "TextTemplate",
    "as_of_of",
    "beginning_of",
    "check_file",
    "check_folder",
    "day_of",
    "end_of",
    "find_catalog",
    "format_of",
    "is_local",
    "load_catalog",
    "load_folder",
    "previous_pattern",
    "render_path",
    "sha256_of",
    "ticks_of",
]
