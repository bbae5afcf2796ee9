"""The form behind a DAG's Trigger button: what a person may ask of one run. Airflow checks it before a task starts."""

from airflow.sdk import Param

from vectorshelf.catalog.model import Catalog


def form(catalog: Catalog) -> dict[str, Param]:
    """The trigger form. A SQL catalog has no path to replace."""
    cap = "none" if catalog.max_cost_usd is None else f"{catalog.max_cost_usd:.2f}"
    fields = {
        "as_of": Param(
            None,
            type=["null", "string"],
            format="date",
            title="As of",
            description="Load the data of this date. Empty: the end of the run's data interval, which is the usual.",
        ),
        "source": Param(
            None,
            type=["null", "string"],
            minLength=1,
            title="Source",
            description=f"Read this file instead of {catalog.source.path}: a path on the workers, or a URL.",
        ),
        "dry_run": Param(
            False,
            type="boolean",
            title="Dry run",
            description="Stop after the plan: say what would be embedded, and what it would cost.",
        ),
        "limit": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            title="Limit",
            description="Read only the first so many products, and delete none. For trying things out.",
        ),
        "rebuild_index": Param(
            False, type="boolean", title="Rebuild index", description="Build the index anew, needed or not."
        ),
        "max_cost_usd": Param(
            None,
            type=["null", "number"],
            minimum=0,
            title="Cost cap, US dollars",
            description=f"Stop before paying more than this. The catalog's own cap ({cap}) holds as well.",
            section="Brakes",
        ),
        "allow_delete": Param(
            False,
            type="boolean",
            title="Allow deletes",
            description=f"Let this run delete more than {catalog.max_delete_fraction:.0%} of the table.",
            section="Brakes",
        ),
    }
    if catalog.source.connection:
        del fields["source"]
    return fields
