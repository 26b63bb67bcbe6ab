"""Many rows in one statement: in, as one INSERT; out, as one JSON text.

What enters: rows, or a query. What leaves: the same, at the cost of one step of SQLite. Each step gives the interpreter
lock up and must win it back from a busy loop, so a row a step is what costs, not the row.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from itertools import chain
from typing import Annotated, Any

from msgspec import Meta

# A number that a column can hold: what a cursor brings back is checked against it.
Number = Annotated[int, Meta(ge=-(2**62), le=2**62)]

# Rows a statement, largest first: few distinct statements, so that each stays prepared.
SIZES = (64, 16, 4, 1)


class Insert:
    """`INSERT … VALUES` of many rows; `tail` may be an ON CONFLICT clause."""

    def __init__(self, head: str, columns: int, tail: str = "") -> None:
        row = f"({', '.join('?' * columns)})"
        self._statements = {size: f"{head} VALUES {', '.join([row] * size)} {tail}" for size in SIZES}

    def run(self, conn: sqlite3.Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        at = 0
        while at < len(rows):
            size = next(size for size in SIZES if size <= len(rows) - at)
            conn.execute(self._statements[size], list(chain.from_iterable(rows[at : at + size])))
            at += size
