"""Makes no DAG: shows the catalog files that cannot be used, as an import error of its own in the Airflow UI.

A DAG file that raises loses all of its DAGs, so `embed_catalogs.py` never does. Why it is done this way is in
docs/decisions.
"""

from vectorshelf.catalog.loading import load_folder
from vectorshelf.errors import ConfigurationError
from vectorshelf_connections import from_environment

broken = load_folder(from_environment().catalogs).errors
if broken:
    count = "1 catalog file" if len(broken) == 1 else f"{len(broken)} catalog files"
    reasons = "\n\n".join(str(error) for error in broken.values())
    raise ConfigurationError(f"{count} cannot be used; the DAGs of all others run on.\n\n{reasons}")
