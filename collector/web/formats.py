"""An export's rows as CSV, JSON Lines or Parquet.

What enters: columns and batches of rows, times in ms. What leaves: the bytes of a file, in chunks, never the whole.
It knows no store and no request.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import import_module
from typing import Any

import msgspec
from msgspec import Struct

from collector.errors import Misuse
from collector.store.datasets import Column, Type
from collector.web.times import iso

Rows = Sequence[tuple[Any, ...]]
Renderer = Callable[[tuple[Column, ...], Iterable[Rows]], Iterator[bytes]]

# What a spreadsheet takes for a formula. https://owasp.org/www-community/attacks/CSV_Injection
_RUNS = frozenset("=+-@\t\r")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?").fullmatch
_encode_lines = msgspec.json.Encoder().encode_lines


class Format(Struct, frozen=True):
    """A file format: its media type, and how rows become it."""

    media_type: str
    render: Renderer


def file_format(name: str) -> Format:
    """The format of this name. Raises Misuse where it is unknown, or not installed."""
    if name not in FORMATS:
        raise Misuse(f"there is no format {name!r}; there are {', '.join(FORMATS)}")
    if name == "parquet":
        _parquet()
    return FORMATS[name]


def render_csv(columns: tuple[Column, ...], batches: Iterable[Rows]) -> Iterator[bytes]:
    """RFC 4180 with a header; what a spreadsheet would run gets an apostrophe in front. Null is an empty cell."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([_harmless(column.name) for column in columns])
    yield _drain(text)
    cells = [_CELLS[column.type] for column in columns]
    for rows in batches:
        writer.writerows(
            zip(*(cell(values) for cell, values in zip(cells, zip(*rows, strict=True), strict=True)), strict=True)
        )
        yield _drain(text)


def render_jsonl(columns: tuple[Column, ...], batches: Iterable[Rows]) -> Iterator[bytes]:
    """One object a line; JSON columns are real JSON, decimals text."""
    names = [column.name for column in columns]
    members = [_MEMBERS[column.type] for column in columns]
    for rows in batches:
        table = (member(values) for member, values in zip(members, zip(*rows, strict=True), strict=True))
        yield _encode_lines([dict(zip(names, row, strict=True)) for row in zip(*table, strict=True)])


def render_parquet(columns: tuple[Column, ...], batches: Iterable[Rows]) -> Iterator[bytes]:
    """Timestamps in ms, UTC; decimals and JSON as text; row groups of up to 50,000 rows or 8 MB."""
    rendered: Iterator[bytes] = _parquet().render_parquet(columns, batches)
    return rendered


def _parquet() -> Any:
    # The one optional dependency, large and slow to load: only who asks for Parquet pays for it.
    try:
        return import_module("collector.web.parquet")
    except ImportError as error:
        raise Misuse("Parquet needs pyarrow: pip install 'footfall[parquet]'") from error


def _drain(text: io.StringIO) -> bytes:
    written = text.getvalue().encode()
    text.seek(0)
    text.truncate()
    return written


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell[:1] in _RUNS else cell


def _same(values: Sequence[Any]) -> Sequence[Any]:
    return values


def _harmless_texts(values: Sequence[Any]) -> list[Any]:
    return [f"'{value}" if value and value[0] in _RUNS else value for value in values]


def _harmless_decimals(values: Sequence[Any]) -> list[Any]:
    return [value if value is None or _NUMBER(value) else _harmless(value) for value in values]


def _isos(values: Sequence[Any]) -> list[Any]:
    return [None if value is None else iso(value) for value in values]


def _words(values: Sequence[Any]) -> list[Any]:
    return ["true" if value else "false" for value in values]


def _bools(values: Sequence[Any]) -> list[Any]:
    return [value == 1 for value in values]


def _raws(values: Sequence[Any]) -> list[Any]:
    return [None if value is None else msgspec.Raw(value) for value in values]


_CELLS: dict[Type, Callable[[Sequence[Any]], Sequence[Any]]] = {
    Type.TEXT: _harmless_texts,
    Type.JSON: _harmless_texts,
    Type.DECIMAL: _harmless_decimals,
    Type.INT: _same,
    Type.TIME: _isos,
    Type.BOOL: _words,
}
_MEMBERS: dict[Type, Callable[[Sequence[Any]], Sequence[Any]]] = {
    Type.TEXT: _same,
    Type.JSON: _raws,
    Type.DECIMAL: _same,
    Type.INT: _same,
    Type.TIME: _isos,
    Type.BOOL: _bools,
}
FORMATS = {
    "csv": Format("text/csv; charset=utf-8", render_csv),
    "jsonl": Format("application/jsonl; charset=utf-8", render_jsonl),
    "parquet": Format("application/vnd.apache.parquet", render_parquet),
}
