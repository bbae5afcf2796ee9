"""A catalog file as one frozen, validated model. Knows nothing of files, databases or networks."""

import re
from datetime import tzinfo
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, field_validator, model_validator

from vectorshelf.catalog.schedule import Schedule
from vectorshelf.catalog.sections import (
    MAX_DIMENSIONS,
    MAX_DIMENSIONS_OF_VECTOR,
    Columns,
    Embedding,
    Index,
    Load,
    MisfitError,
    Part,
    Source,
)
from vectorshelf.catalog.text import TextTemplate

__all__ = ["MAX_DIMENSIONS", "Catalog", "Columns", "Embedding", "Index", "Load", "MisfitError", "Part", "Source"]

_NAME = r"[a-z][a-z0-9_]{0,39}"
_TABLE = r"(?:([a-z_][a-z0-9_]{0,47})\.)?[a-z_][a-z0-9_]{0,47}"
_RESERVED = re.compile(r"vectorshelf|information_schema|pg_.*")
_DEFAULT_TEXT = "{name} {category}"


def _name(value: str) -> str:
    if not re.fullmatch(_NAME, value):
        raise ValueError(f"{value!r} cannot be a name: use a-z, 0-9 and _, a letter first, at most 40 characters")
    return value


def _table(value: str) -> str:
    found = re.fullmatch(_TABLE, value)
    if found is None:
        raise ValueError(
            f"{value!r} cannot be a table: write table or schema.table without quotes, in a-z, 0-9 and _, "
            "each at most 48 characters"
        )
    if found[1] and _RESERVED.fullmatch(found[1]):
        raise ValueError(f"the schema {found[1]!r} is not yours to write in: choose another, such as public")
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"no time zone is called {value!r}: use a name such as Europe/Berlin or UTC") from error
    return value


class Catalog(Part):
    """One catalog file: where products come from, what of them is embedded, and the table they go to."""

    name: Annotated[str, AfterValidator(_name)] = Field(examples=["electronics"])
    """The catalog's name, unique in the folder. Its DAG is `embed_<name>`."""
    source: Source
    columns: Columns = Columns()
    text: str = Field(default=_DEFAULT_TEXT, min_length=1, examples=["{name} {category} {brand}"])
    """What is embedded. `{name}`, `{category}` and `{id}` are the mapped columns, anything else in braces is a
    source column; `{{` is a brace. HTML is dropped. Without a category column the default is `{name}`."""
    mode: Literal["snapshot", "delta"] = Field(default="snapshot", examples=["delta"])
    """`snapshot`: the source is the whole catalog of its date, what is missing is deleted. `delta`: it holds changes
    only."""
    embedding: Embedding = Embedding()
    table: Annotated[str, AfterValidator(_table)] = Field(examples=["products"])
    """The serving table, `table` or `schema.table` (unset schema: `public`). One catalog per table."""
    history: bool = Field(default=False, examples=[True])
    """Keep what every snapshot said: `vectorshelf search --as-of` goes back to any date loaded from then on."""
    index: Index = Index()
    load: Load = Load()
    max_delete_fraction: float = Field(default=0.2, ge=0, le=1, examples=[0.5])
    """A snapshot that would delete a larger share of the table stops before it changes anything."""
    max_quarantine_fraction: float = Field(default=0.2, ge=0, le=1, examples=[0.05])
    """A run that has to put a larger share of its products aside fails, saying so."""
    max_cost_usd: float | None = Field(default=None, ge=0, examples=[5.0])
    """A run never costs more, all its tries together; estimated to, it stops before the first paid request. Unset:
    no limit."""
    max_cost_usd_per_month: float | None = Field(default=None, ge=0, examples=[50.0])
    """The same for all the catalog's runs of a calendar month (UTC) together, whoever starts them. Unset: no limit."""
    over_budget: Literal["stop", "ask"] = Field(default="stop", examples=["ask"])
    """What a run estimated over a budget does: `stop`, or in Airflow `ask` a person, who may give it its own cap."""
    schedule: str | None = Field(default=None, examples=["0 2 * * *"])
    """When the DAG runs: five cron fields or `@hourly` … `@yearly`, in quotes. Unset: only when triggered."""
    timezone: Annotated[str, AfterValidator(_zone)] = Field(default="UTC", examples=["Europe/Berlin"])
    """The zone of the schedule, of dates given without one, and of `{as_of:…}`."""

    @field_validator("text")
    @classmethod
    def _renders(cls, value: str) -> str:
        TextTemplate(value)
        return value

    @field_validator("schedule")
    @classmethod
    def _ticks(cls, value: str | None) -> str | None:
        if value is not None:
            Schedule(value, ZoneInfo("UTC"))
        return value

    @model_validator(mode="before")
    @classmethod
    def _text_without_category(cls, data: object) -> object:
        columns = data.get("columns") if isinstance(data, dict) else None
        if isinstance(data, dict) and isinstance(columns, dict) and columns.get("category", "category") is None:
            return {"text": "{name}", **data}
        return data

    @model_validator(mode="after")
    def _dimensions_fit_the_index(self) -> "Catalog":
        dimensions, index = self.embedding.dimensions, self.index
        if dimensions > MAX_DIMENSIONS_OF_VECTOR and index.type != "none" and index.storage == "vector":
            raise MisfitError(
                "embedding.dimensions",
                f"{dimensions} is over {MAX_DIMENSIONS_OF_VECTOR}, the most that pgvector can index at full precision: "
                "set index.storage to halfvec, or fewer dimensions (text-embedding-3 models shorten their vectors)",
            )
        return self

    @model_validator(mode="after")
    def _deletions_fit_the_mode(self) -> "Catalog":
        if self.mode == "delta":
            if self.history:
                raise MisfitError(
                    "history", "a delta says what changed and not what was on sale: remove this, or set mode: snapshot"
                )
            return self
        if self.columns.deleted is not None:
            raise MisfitError("columns.deleted", "a snapshot deletes what is missing: remove this, or set mode: delta")
        if self.columns.updated_at is not None:
            raise MisfitError("columns.updated_at", "a snapshot counts as a whole: remove this, or set mode: delta")
        if self.source.query is not None and "%(start)s" in self.source.query:
            raise MisfitError(
                "mode", "%(start)s makes the query return changes only, all else would be deleted: set delta"
            )
        return self

    @property
    def tz(self) -> tzinfo:
        """The time zone that dates without one are read in."""
        return ZoneInfo(self.timezone)

    @property
    def table_parts(self) -> tuple[str, str]:
        """(schema, table); a name without a schema lives in `public`."""
        schema, _, table = self.table.rpartition(".")
        return schema or "public", table

    @property
    def text_template(self) -> TextTemplate:
        """`text`, compiled against the mapped columns: render it with rows keyed by source column."""
        return TextTemplate(self.text, self.columns.fields)
