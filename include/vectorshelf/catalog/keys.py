"""The keys a catalog file may have, told from the model: for messages and for the reference."""

from collections.abc import Iterator

import yaml
from pydantic.fields import FieldInfo

from vectorshelf.catalog.model import Catalog
from vectorshelf.catalog.sections import Part


def sections() -> dict[str, type[Part]]:
    """The catalog itself under the empty key, then every section by its key, in the file's order."""
    nested = {key: field.annotation for key, field in Catalog.model_fields.items()}
    return {"": Catalog} | {
        key: kind for key, kind in nested.items() if isinstance(kind, type) and issubclass(kind, Part)
    }


def leaves() -> Iterator[tuple[str, FieldInfo]]:
    """Every key that takes a value, dotted, in the file's order."""
    nested = sections()
    for key, field in Catalog.model_fields.items():
        if key in nested:
            yield from ((f"{key}.{inner}", leaf) for inner, leaf in nested[key].model_fields.items())
        else:
            yield key, field


def example(key: str) -> str:
    """A key with a value that fits, as one writes it: `dimensions: 512`, `load: {method: copy}`. Empty if unknown."""
    known = dict(leaves())
    word = key.rpartition(".")[2]
    if key in known:
        return f"{word}: {yaml_text(examples[0])}" if (examples := known[key].examples) else ""
    inner = next((leaf for leaf in known if leaf.startswith(f"{key}.")), None)
    return f"{word}: {{{example(inner)}}}" if inner else ""


def yaml_text(value: object) -> str:
    """A value as one writes it in the file; text in double quotes wherever YAML could take it for something else."""
    if isinstance(value, str):
        plain = value.replace("-", "").replace("_", "").replace("/", "").replace(".", "").isalnum()
        quoted = not plain or yaml.safe_load(value) != value
        return yaml.safe_dump(value, default_style='"', width=1000).strip() if quoted else value
    return yaml.safe_dump(value, default_flow_style=True).removesuffix("...\n").strip()
