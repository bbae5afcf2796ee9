"""`missing: previous`: the newest file dated before the one that is not there. Lists one folder, opens nothing."""

import glob
from datetime import datetime

from vectorshelf.catalog.model import Catalog
from vectorshelf.catalog.paths import PathTemplate, is_local


def previous_path(catalog: Catalog, as_of: datetime) -> str | None:
    """The path of that file, or None when there is none or the path has no date in it."""
    template = PathTemplate(catalog.source.path or "")
    if not template.sortable:
        return None
    return template.newest_before(_names(template.glob), as_of, catalog.tz)


def _names(pattern: str) -> list[str]:
    if is_local(pattern):
        return glob.glob(pattern)  # noqa: PTH207 the pattern is a whole path, with its literal parts escaped
    from fsspec.core import url_to_fs  # noqa: PLC0415 local files, the common case, do without it

    files, remote_pattern = url_to_fs(pattern)
    return [name.lstrip("/") for name in files.glob(remote_pattern)]
