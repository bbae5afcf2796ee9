"""The sections of a catalog file as frozen, validated models. Knows nothing of files, databases or networks.

The text under a key and its example are the reference (`docs/catalog-reference.md` is made from them) and the remedy
in error messages. A rule that concerns several keys raises `MisfitError` with the key to change.
"""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from vectorshelf.catalog.paths import FileFormat, PathTemplate, format_of, is_local

MAX_DIMENSIONS = 4000
"""pgvector indexes `halfvec` up to 4,000 dimensions (pgvector 0.8, README, "HNSW" and "IVFFlat")."""

MAX_DIMENSIONS_OF_VECTOR = 2000
"""And `vector` up to 2,000."""

_QUERY_PARAMETERS = ("start", "end", "as_of")
_PERCENT = re.compile(r"%(?:%|\((\w*)\)s|)")
_FILE_KEYS = ("format", "encoding", "delimiter", "quotechar", "missing")


class MisfitError(ValueError):
    """A key's value does not go together with another's. `key` is the one to change, seen from the section."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


def _encoding(value: str) -> str:
    try:
        "".encode(value)
    except (LookupError, ValueError) as error:
        raise ValueError(f"Python knows no text encoding {value!r}: use utf-8, cp1252, latin-1 or utf-16") from error
    return value


def _path(value: str) -> str:
    if value.startswith("~"):
        raise ValueError("~ is another folder for every user: write the path out, or relative to this file")
    if re.match(r"[\w+.-]+://[^/@]*:[^/]*@", value):  # s3://aws_default@bucket names a Connection and is fine
        raise ValueError("a password does not belong in the file: use a Connection or the storage's own configuration")
    PathTemplate(value)
    return value


def _local_file(value: str) -> str:
    if value.startswith("~"):
        raise ValueError("~ is another folder for every user: write the path out, or relative to this file")
    if not is_local(value):
        raise ValueError("this file must be on the machines that run the catalog: write a path, not a URL")
    return value


def _query(value: str) -> str:
    for percent in _PERCENT.finditer(value):
        if percent.group() == "%":
            raise ValueError("write %% for a percent sign: a single one announces a parameter such as %(start)s")
        if percent[1] is not None and percent[1] not in _QUERY_PARAMETERS:
            raise ValueError(f"%({percent[1]})s is not known: a query may use %(start)s, %(end)s and %(as_of)s")
    return value


def _connection(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", value):
        raise ValueError(
            "give a connection's id, never its URL: the URL goes into Airflow's Connections or AIRFLOW_CONN_<ID>"
        )
    return value


def _base_url(value: str) -> str:
    if not re.fullmatch(r"https?://[^@\s]+", value):
        raise ValueError("write an http(s) URL without a login, such as https://host/v1; the key is OPENAI_API_KEY")
    return value


def _dimensions(value: int) -> int:
    if value > MAX_DIMENSIONS:
        raise ValueError(
            f"{value} is over {MAX_DIMENSIONS}, the most that pgvector can index: text-embedding-3 models shorten "
            "their vectors, so ask for 1536, or choose a smaller model"
        )
    return value


Character = Annotated[str, Field(min_length=1, max_length=1)]
ColumnName = Annotated[str, Field(min_length=1)]
PerMinute = Annotated[int, Field(ge=1)]


class Part(BaseModel):
    """Base of every section: unknown keys are errors, values never change, `yes` is no number and no text."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True, use_attribute_docstrings=True
    )

    @field_validator("*", mode="before")
    @classmethod
    def _truth_value_where_asked(cls, value: object, info: ValidationInfo) -> object:
        """YAML reads yes, no, on and off as truth values; pydantic would take them as 1 and 0, and "yes" as true."""
        asked = cls.model_fields[info.field_name or ""].annotation is bool
        if isinstance(value, bool) and not asked:
            raise ValueError('YAML reads this as true or false, and this key takes none: for the word, quote it ("no")')
        if asked and value is not None and not isinstance(value, bool):
            raise ValueError("this is neither true nor false: write one of the two, without quotes")
        return value


class Source(Part):
    """Where products come from: `path`, or `connection` and `query`."""

    path: Annotated[str, Field(min_length=1), AfterValidator(_path)] | None = Field(
        default=None, examples=["data/{as_of:%Y-%m-%d}.csv.gz"]
    )
    """A local file (relative: to the YAML file's folder) or a URL (`s3://`, `gs://`, `https://`), plain or gzip.
    `{as_of:…}` is the run's date in the catalog's time zone; directives `%Y %y %m %d %j %H %M %S`."""
    format: FileFormat | None = Field(default=None, examples=["jsonl"])
    """The file's format. Unset: told by its name (`.csv`, `.tsv`, `.tab`, `.jsonl`, `.ndjson`, `.parquet`, each with
    or without `.gz`)."""
    encoding: Annotated[str, AfterValidator(_encoding)] = Field(default="utf-8", examples=["cp1252"])
    """The text encoding of csv, tsv and jsonl files. A UTF-8 byte order mark is recognised by itself."""
    delimiter: Character | None = Field(default=None, examples=[";"])
    """The character between csv fields. Unset: found in the header."""
    quotechar: Character = Field(default='"', examples=["'"])
    """The character around csv fields that hold a delimiter or a line break."""
    missing: Literal["fail", "skip", "previous"] = Field(default="fail", examples=["skip"])
    """What happens when the date's file is not there: `fail` the run, `skip` the date and change nothing, or take the
    newest `previous` file."""
    connection: Annotated[str, AfterValidator(_connection)] | None = Field(default=None, examples=["shop_db"])
    """The id of the Postgres connection to query: an Airflow Connection, or the variable `AIRFLOW_CONN_<ID>`."""
    query: Annotated[str, Field(min_length=1), AfterValidator(_query)] | None = Field(
        default=None,
        examples=["SELECT * FROM products WHERE updated_at >= %(start)s AND updated_at < %(end)s"],
    )
    """The query. Bound parameters: `%(start)s` and `%(end)s`, the run's data interval, and `%(as_of)s`. A percent
    sign is written `%%`."""

    @model_validator(mode="after")
    def _one_kind(self) -> "Source":
        if self.path is None and self.connection is None and self.query is None:
            raise MisfitError("path", "a source is missing: give path, or connection and query")
        if self.path is not None and (self.connection is not None or self.query is not None):
            raise MisfitError("path", "give either path, or connection and query, not both")
        if self.path is None and (self.connection is None or self.query is None):
            lacking = "query" if self.query is None else "connection"
            raise MisfitError(lacking, "connection and query belong together: add this one")
        return self

    @model_validator(mode="after")
    def _keys_of_files(self) -> "Source":
        if self.path is None:
            if stray := [key for key in _FILE_KEYS if getattr(self, key) != type(self).model_fields[key].default]:
                raise MisfitError(stray[0], "this is for files, and the source is a query: remove it")
        elif self.kind is None:
            raise MisfitError("format", "the file's name does not tell its format: add csv, tsv, jsonl or parquet here")
        if self.delimiter is not None and self.delimiter in {self.quotechar, "\n", "\r", " "}:
            raise MisfitError("delimiter", 'this cannot separate fields: write for example ";" or "\\t"')
        return self

    @model_validator(mode="after")
    def _findable_previous(self) -> "Source":
        if self.path is None or self.missing != "previous":
            return self
        if not PathTemplate(self.path).sortable:
            raise MisfitError("path", "missing: previous needs a date that can be ordered: add {as_of:%Y-%m-%d}")
        if not is_local(self.path) and self.path.lower().startswith("http"):
            raise MisfitError(
                "missing", "a web server does not list its files, so no previous one can be found: use fail"
            )
        return self

    @property
    def kind(self) -> FileFormat | None:
        """The declared format, else the one that the file's name tells; None for a query."""
        return self.format or (format_of(self.path) if self.path else None)


class Columns(Part):
    """Which source column is which field. Every other source column goes to `attributes`."""

    id: ColumnName = Field(default="id", examples=["sku"])
    """The column that identifies a product."""
    name: ColumnName = Field(default="name", examples=["title"])
    """The column with its name."""
    category: ColumnName | None = Field(default="category", examples=["department"])
    """The column with its category; `null` when there is none."""
    deleted: ColumnName | None = Field(default=None, examples=["is_deleted"])
    """Only `mode: delta`: the column whose true value (`true`, `1`, `yes`, …) deletes the product."""
    updated_at: ColumnName | None = Field(default=None, examples=["changed_on"])
    """Only `mode: delta`: the column with the moment the source last changed the row (ISO 8601; without a zone the
    catalog's). A row then replaces only an equal or older one, whatever the dates of their files."""

    @property
    def fields(self) -> dict[str, str]:
        """The fields that a text may name, and the source column each one is read from."""
        mapped = {"id": self.id, "name": self.name, "category": self.category}
        return {field: column for field, column in mapped.items() if column is not None}


class Embedding(Part):
    """The model, and what its endpoint allows per minute."""

    provider: Literal["openai", "local"] = Field(default="openai", examples=["local"])
    """`openai`: the official endpoint or a compatible one. `local`: a small model in process, without a network."""
    model: str = Field(default="text-embedding-3-small", min_length=1, examples=["text-embedding-3-large"])
    """The model's name. With `provider: local` the default is `wordllama-l2-supercat`."""
    dimensions: Annotated[int, Field(ge=1), AfterValidator(_dimensions)] = Field(default=1536, examples=[512])
    """Numbers per vector, at most 2,000; with `index.storage: halfvec` or `index.type: none` at most 4,000. With
    `provider: local` the default is 256."""
    base_url: Annotated[str, AfterValidator(_base_url)] | None = Field(
        default=None, examples=["http://embeddings.internal:8000/v1"]
    )
    """A compatible endpoint. Unset: `OPENAI_BASE_URL`, else the official one."""
    requests_per_minute: PerMinute = Field(default=3000, examples=[500])
    """The account's limit, shared by every worker and run that uses this endpoint and model. Never exceeded, also where
    the endpoint says that it allows more."""
    tokens_per_minute: PerMinute = Field(default=1_000_000, examples=[200_000])
    """The same for tokens."""
    max_in_flight: int = Field(default=8, ge=1, le=256, examples=[16])
    """How many requests one shard keeps open at once."""
    max_texts_per_request: int = Field(default=2048, ge=1, le=2048, examples=[32])
    """How many texts one request may hold. The official endpoint takes 2,048, compatible servers often fewer."""
    timeout_seconds: float = Field(default=60.0, gt=0, examples=[30.0])
    """How long one request may take."""
    usd_per_million_tokens: float | None = Field(default=None, ge=0, examples=[0.02])
    """The price. Unset: the package's dated table of prices."""
    max_tokens_per_text: int = Field(default=8192, ge=1, examples=[512])
    """How many tokens of one text the model reads: 8,192 for OpenAI's, often 512 for others."""
    too_long: Literal["truncate", "quarantine"] = Field(default="truncate", examples=["quarantine"])
    """What happens to a text over the model's limit: cut at a word's end, or put aside."""
    batch: Literal["auto", "always", "never"] = Field(default="never", examples=["auto"])
    """Whether texts go through the provider's Batch API: half the price, within 24 hours. `auto`: backfills and manual
    runs large enough to be worth it, never a scheduled run."""

    @model_validator(mode="before")
    @classmethod
    def _local_defaults(cls, data: object) -> object:
        if isinstance(data, dict) and data.get("provider") == "local":
            return {"model": "wordllama-l2-supercat", "dimensions": 256, **data}
        return data

    @model_validator(mode="after")
    def _local_has_no_endpoint(self) -> "Embedding":
        if self.provider == "local" and self.base_url is not None:
            raise MisfitError("base_url", "provider: local calls no endpoint: remove base_url, or use provider: openai")
        return self


class Index(Part):
    """The vector index and the recall it must reach."""

    type: Literal["ivfflat", "hnsw", "none"] = Field(default="ivfflat", examples=["hnsw"])
    """The kind of index; `none` searches exactly, row by row."""
    metric: Literal["cosine", "ip", "l2"] = Field(default="cosine", examples=["ip"])
    """How vectors are compared: cosine distance, inner product, Euclidean distance."""
    storage: Literal["vector", "halfvec"] = Field(default="vector", examples=["halfvec"])
    """What the index holds: full numbers, or `halfvec`, half as large, of numbers from about 0.00006 to 65,504 (smaller
    ones fade to zero). The table holds full ones either way, and searches rank by them what the index finds."""
    recall_target: float = Field(default=0.95, gt=0, le=1, examples=[0.99])
    """The share of the true ten nearest that a search must find; probes are measured and set to reach it."""
    lists: int | None = Field(default=None, ge=1, le=32768, examples=[200])
    """ivfflat's number of lists. Unset: computed from the number of rows."""
    queries: Annotated[str, Field(min_length=1), AfterValidator(_local_file)] | None = Field(
        default=None, examples=["queries.txt"]
    )
    """A local UTF-8 file (relative: to the YAML file's folder) of real search texts, one per line, to measure recall
    with. Unset: words from the products' names and categories."""


class Load(Part):
    """How vectors are written."""

    method: Literal["auto", "execute_values", "copy"] = Field(default="auto", examples=["copy"])
    """`auto` takes `execute_values` for small loads and `copy` for big ones. The table is the same."""
