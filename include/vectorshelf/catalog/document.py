"""A YAML text as plain data that remembers on which line each key stands.

Stricter than YAML where YAML lets mistakes pass in silence: a key given twice, several documents in one file,
anchors, tags. Keys are taken as they are written (`on` stays `on`).
"""

from dataclasses import dataclass, field

import yaml

from vectorshelf.catalog.findings import Finding
from vectorshelf.catalog.syntax import QUOTE_IT, diagnose

_MAX_BYTES = 1_000_000
_NULL = "tag:yaml.org,2002:null"


class DocumentError(Exception):
    """The text is no usable YAML mapping; `findings` says where and why."""

    def __init__(self, *findings: Finding) -> None:
        super().__init__("\n".join(map(str, findings)))
        self.findings = list(findings)


@dataclass
class Document:
    """The data of a file, and the line of every dotted key."""

    data: dict[str, object] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)

    def line_of(self, key: str) -> int | None:
        """The key's line, else the line of the nearest section around it; None for a key that is not there at all."""
        while key and key not in self.lines:
            key = key.rpartition(".")[0]
        return self.lines.get(key)


def read(content: bytes) -> Document:
    """Parse a catalog file's bytes. Raises DocumentError."""
    if len(content) > _MAX_BYTES:
        raise DocumentError(Finding(f"{len(content):,} bytes are too many for a catalog file: is it the data itself?"))
    text = _decoded(content)
    try:
        node = yaml.compose(text, _Loader)
    except yaml.YAMLError as error:
        raise DocumentError(diagnose(error, text)) from error
    except RecursionError as error:
        raise DocumentError(Finding("brackets are nested too deeply: " + QUOTE_IT)) from error
    if node is None:
        raise DocumentError(Finding("the file is empty: write at least name, source.path and table"))
    if not isinstance(node, yaml.MappingNode):
        raise DocumentError(
            Finding("this is no mapping: write one key: value per line, such as name: electronics", line=1)
        )
    return _Reader().document(node)


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader without anchors and aliases: a catalog file has nothing to repeat."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise yaml.composer.ComposerError(None, None, "found an alias or anchor", event.start_mark)
        return super().compose_node(parent, index)


class _Reader:
    """Turns nodes into data, collecting the lines of keys and every fault on the way."""

    def __init__(self) -> None:
        self._lines: dict[str, int] = {}
        self._faults: list[Finding] = []
        self._scalars = yaml.SafeLoader("")

    def document(self, root: yaml.MappingNode) -> Document:
        data = self._mapping(root, "")
        if self._faults:
            raise DocumentError(*self._faults)
        return Document(data, self._lines)

    def _mapping(self, node: yaml.MappingNode, section: str) -> dict[str, object]:
        found: dict[str, object] = {}
        for key_node, value in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self._faults.append(Finding(f"braces here are read as a mapping: {QUOTE_IT}", section or None, line))
                continue
            dotted = f"{section}.{key_node.value}" if section else key_node.value
            if key_node.value in found:
                first = self._lines[dotted]
                self._faults.append(Finding(f"given twice, first on line {first}: keep one", dotted, line))
                continue
            self._lines[dotted] = line
            if value.tag == _NULL and not (value.value or node.flow_style):
                self._faults.append(Finding("is empty: write a value, or remove the line", dotted, line))
            found[key_node.value] = self._value(value, dotted)
        return found

    def _value(self, node: yaml.Node, key: str) -> object:
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, key)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item, key) for item in node.value]
        try:
            return self._scalars.construct_object(node)
        except (ValueError, yaml.YAMLError):
            message = f"YAML takes this for a number, a date or a tag, and it is none: {QUOTE_IT}"
            self._faults.append(Finding(message, key, node.start_mark.line + 1))
            return None


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = f"byte {content[error.start]:#04x} is not UTF-8: save the file as UTF-8"
        raise DocumentError(Finding(message, line=line)) from error
