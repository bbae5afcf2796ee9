"""Rows of strings into products. Positions are looked up once; a row that does not fit the header is a reject."""

import csv
from datetime import datetime
from typing import NamedTuple

import orjson

from vectorshelf.catalog.text import sha256_of
from vectorshelf.extract.decoding import is_marked, undecodable
from vectorshelf.extract.product import Product, Reject, complaint, rejected
from vectorshelf.extract.shape import Shape, is_true


class Record(NamedTuple):
    """One row as it stands in the file: the line it begins on, its fields (or what is wrong), its own text."""

    line: int
    fields: list[str] | csv.Error
    raw: str


class Rows:
    """Makes products of one file's rows. `unnamed` columns at the header's end may be missing from a row."""

    def __init__(self, shape: Shape, names: list[str], *, unnamed: int, encoding: str) -> None:
        at = {name: position for position, name in enumerate(names)}
        self._width = len(names)
        self._least = len(names) - unnamed
        self._encoding = encoding
        self._id = at[shape.id]
        self._name = at[shape.name]
        self._category = None if shape.category is None else at[shape.category]
        self._deleted = None if shape.deleted is None else at[shape.deleted]
        self._text = [(column, at[column]) for column in shape.template.columns]
        self._attributes = [(name, position) for name, position in at.items() if name not in shape.mapped]
        self._dated = None if shape.updated_at is None else at[shape.updated_at]
        self._date_of = shape.date_of
        self._render = shape.template.render

    def read(self, record: Record) -> Product | Reject:
        """The row as a product, or why it is none."""
        line, fields, raw = record
        if isinstance(fields, csv.Error):
            last = line + raw.rstrip("\r\n").count("\n")
            reach = f" and reaches to line {last}" if last > line else ""
            return rejected(line, None, f"is badly quoted{reach} ({fields}): double the quotes inside a field", raw)
        if len(fields) != self._width:
            fields = self._fitted(fields)
        if problem := self._problem(fields, raw):
            key = fields[self._id].strip() if len(fields) > self._id else None
            return rejected(line, key, problem, raw)
        try:
            dated = None if self._dated is None else self._date_of(fields[self._dated])
        except ValueError as error:
            return rejected(line, fields[self._id].strip(), str(error), raw)
        product = self._product(line, fields, dated)
        problem = complaint(product)
        return product if problem is None else rejected(line, product.id, problem, raw)

    def _product(self, line: int, fields: list[str], dated: datetime | None) -> Product:
        deleted = self._deleted is not None and is_true(fields[self._deleted])
        text = "" if deleted else self._render({column: fields[at] for column, at in self._text})
        attributes = {name: value for name, at in self._attributes if (value := fields[at]) and not value.isspace()}
        return Product(
            line=line,
            id=fields[self._id].strip(),
            name=fields[self._name].strip(),
            category="" if self._category is None else fields[self._category].strip(),
            attributes=orjson.dumps(attributes).decode(),
            text=text,
            sha256=sha256_of(text),
            deleted=deleted,
            dated=dated,
        )

    def _problem(self, fields: list[str], raw: str) -> str | None:
        if "\x00" in raw:
            return "holds a NUL byte, which no text in Postgres can: remove it"
        if is_marked(raw):
            return undecodable(self._encoding)
        if len(fields) != self._width:
            return f"has {len(fields)} fields, the header has {self._width}: quote fields that hold the delimiter"
        return None

    def _fitted(self, fields: list[str]) -> list[str]:
        """Blank fields after the last column go, missing unnamed columns come; else unchanged."""
        if len(fields) > self._width and not any(map(str.strip, fields[self._width :])):
            return fields[: self._width]
        if self._least <= len(fields) < self._width:
            return fields + [""] * (self._width - len(fields))
        return fields
