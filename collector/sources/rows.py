"""The lines of a CSV or JSON Lines file in, its rows out, each with the line it starts on, or why a line is no row.

Knows the two forms and the ways in which spreadsheets spell them; nothing of what the columns mean.
"""

from __future__ import annotations

import csv
import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any

from msgspec import Struct

from collector.errors import Misuse

FORMS = ("csv", "jsonl")
DELIMITERS = ",;\t|"
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


class Row(Struct, frozen=True):
    """One record: cells by column name as `column_key` spells it. `line` counts from 1."""

    line: int
    cells: dict[str, Any]


class Problem(Struct, frozen=True):
    """Why the record that starts on `line` was not brought in, in one line for people."""

    line: int
    reason: str


def text_lines(file: Iterable[bytes], on_guess: Callable[[int], object] = lambda line: None) -> Iterator[str]:
    """The lines of a binary file as text: UTF-8, and Windows-1252 for a line that is not. Misuse for UTF-16.

    `on_guess` is called with the number of each line that is not UTF-8, before it leaves.
    """
    for number, raw in enumerate(file):
        if number == 0 and raw.startswith(UTF16_MARKS):
            raise Misuse("the file is UTF-16; save it as UTF-8")
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            text = raw.decode("cp1252", errors="replace")
            on_guess(number + 1)
        yield text.removeprefix("\ufeff") if number == 0 else text


def column_key(name: str) -> str:
    """One spelling for a column: `Lineitem quantity`, `lineitem-quantity` and `lineitemQuantity` are the same."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip())
    return re.sub(r"[^\w]+", "_", words.lower()).strip("_")


def read_rows(lines: Iterable[str], form: str) -> Iterator[Row | Problem]:
    """Every record of the file, or a Problem in its place; empty lines are passed over. Misuse for another `form`."""
    if form not in FORMS:
        raise Misuse(f"the form {form!r} is not known; it is one of {', '.join(FORMS)}")
    return _read_csv(lines) if form == "csv" else _read_jsonl(lines)


def _read_jsonl(lines: Iterable[str]) -> Iterator[Row | Problem]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line, parse_float=Decimal, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            yield Problem(number, f"is not JSON: {error}"[:200])
            continue
        if isinstance(record, dict):
            yield Row(number, {column_key(name): value for name, value in record.items()})
        else:
            yield Problem(number, "is JSON, but not an object")


def _refuse_constant(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")


def _read_csv(lines: Iterable[str]) -> Iterator[Row | Problem]:
    """The first line names the columns. Strict, so that a quote left open cannot swallow the rows below unseen."""
    iterator = iter(lines)
    above, first = next(((above, line) for above, line in enumerate(iterator) if line.strip()), (0, ""))
    reader = csv.reader(itertools.chain([first], iterator), delimiter=_delimiter(first), strict=True)
    header: list[str] | None = None
    while True:
        start = above + reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Problem(start, f"is not CSV: {error}")
            continue
        if header is None:
            header = [column_key(name) for name in cells]
        elif any(cell.strip() for cell in cells):
            yield _row(start, header, cells)


def _row(line: int, header: list[str], cells: list[str]) -> Row | Problem:
    extra = any(cell.strip() for cell in cells[len(header) :])
    if len(cells) < len(header) or extra:
        return Problem(line, f"has {len(cells)} cells where the header has {len(header)}")
    named: dict[str, Any] = {}
    for name, cell in zip(header, cells, strict=False):
        if name and not named.get(name):
            named[name] = cell.strip()
    return Row(line, named)


def _delimiter(header: str) -> str:
    """Whichever parts the header into most names; csv.Sniffer is misled by what the cells below say."""
    outside = re.sub(r'"[^"]*"', "", header)
    return max(DELIMITERS, key=outside.count)
