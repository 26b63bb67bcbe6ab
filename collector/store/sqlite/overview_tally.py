"""The tally: what a batch of events adds to the figures of Home, and takes from them.

What enters: single additions, negative where something is no longer so. What leaves: one row a batch, as durable as
all else that is derived; and, many batches at once, rows changed by their sums. It decides nothing about what counts.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from decimal import Context, Decimal

import msgspec

from collector.store.days import HOURS
from collector.store.sqlite.overview_cells import Packing
from collector.store.sqlite.rows import Insert

ALL_SITES = 0
VISITORS, BUYERS = 0, 1
AWAY_DAYS_MAX = 90  # no span of Home is longer
COLUMNS = ("visitors", "visits", "buyers", "new_buyers", "orders", "unconfirmed")
VISITORS_COLUMN, VISITS_COLUMN, BUYERS_COLUMN, NEW_BUYERS_COLUMN, ORDERS_COLUMN, UNCONFIRMED_COLUMN = range(6)
EXACT = Context(prec=60)  # sums of amounts of 15 and 12 digits

_ADDED = ", ".join(f"{each} = {each} + excluded.{each}" for each in COLUMNS)
_ADD_HOURS = Insert(
    f"INSERT INTO overview_hours (site, hour, {', '.join(COLUMNS)})",
    columns=8,
    tail=f"ON CONFLICT (site, hour) DO UPDATE SET {_ADDED}",
)
_ADD_GAPS = Insert(
    "INSERT INTO overview_gaps (site, what, day, gap, n)",
    columns=5,
    tail="ON CONFLICT (site, what, day, gap) DO UPDATE SET n = n + excluded.n",
)
_ADD_CELLS = Insert(
    "INSERT INTO overview_cells (day, what, site, key, n)",
    columns=5,
    tail="ON CONFLICT (day, what, site, key) DO UPDATE SET n = n + excluded.n",
)
_SALES = """
SELECT orders, gross, refunded, unconfirmed FROM overview_sales
WHERE site = ? AND hours = ? AND first_hour = ? AND currency = ?
"""
_PUT_SALES = """
INSERT OR REPLACE INTO overview_sales (site, hours, first_hour, currency, orders, gross, refunded, unconfirmed)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_DROP_SALES = "DELETE FROM overview_sales WHERE site = ? AND hours = ? AND first_hour = ? AND currency = ?"
_NOTHING = (0, "0", "0", "0")

Amounts = tuple[Decimal, Decimal, Decimal]
Till = tuple[int, int, int, str]  # site, hours, first hour, currency


class _Batch(msgspec.Struct, array_like=True):
    """Additions: (site, hour, column), (site, what, day, gap), (day, what, site, key) -> n; and single sales."""

    hours: list[tuple[tuple[int, int, int], int]]
    gaps: list[tuple[tuple[int, int, int, int], int]]
    cells: list[tuple[tuple[int, int, int, int], int]]
    sales: list[tuple[Till, int, Amounts]]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Batch)


class Tally:
    """Additions of the running transaction, until they are kept; and those kept, until they are added.

    `hours` by (site, hour, column), `gaps` by (site, what, day, gap), `cells` by (day, what, site, key): add to them.
    """

    def __init__(self, conn: sqlite3.Connection, packing: Packing) -> None:
        self._conn, self._packing = conn, packing
        self.hours: defaultdict[tuple[int, int, int], int] = defaultdict(int)
        self.gaps: defaultdict[tuple[int, int, int, int], int] = defaultdict(int)
        self.cells: defaultdict[tuple[int, int, int, int], int] = defaultdict(int)
        self._sales: list[tuple[Till, int, Amounts]] = []

    def sale(self, site: int, hour: int, currency: str, amounts: Amounts, n: int) -> None:
        """`amounts`: gross, refunded, unconfirmed of one order."""
        for hours in (1, HOURS):
            self._sales.append(((site, hours, hour // hours * hours, currency), n, amounts))

    def keep(self) -> None:
        """Write down what was gathered: one row, since adding to many rows costs a page of the file for each."""
        if self.hours or self.gaps or self.cells or self._sales:
            batch = _Batch(list(self.hours.items()), list(self.gaps.items()), list(self.cells.items()), self._sales)
            self._conn.execute("INSERT INTO overview_pending (batch) VALUES (?)", (_encoder.encode(batch),))
            self.forget()

    def add(self) -> None:
        """Add what was kept to the rows."""
        rows = self._conn.execute("SELECT batch FROM overview_pending ORDER BY id").fetchall()
        if not rows:
            return
        for (batch,) in rows:
            self._gather(_decoder.decode(batch))
        self._add_hours()
        _ADD_GAPS.run(self._conn, sorted((*place, n) for place, n in self.gaps.items() if n))
        cells = sorted((*place, n) for place, n in self.cells.items() if n)
        _ADD_CELLS.run(self._conn, cells)
        self._packing.note({cell[0] for cell in cells}, len(cells))
        self._add_sales()
        self._conn.execute("DELETE FROM overview_pending")
        self.forget()

    def forget(self) -> None:
        """The transaction was rolled back: what was not kept never will be."""
        for gathered in (self.hours, self.gaps, self.cells):
            gathered.clear()
        self._sales = []

    def _gather(self, batch: _Batch) -> None:
        for place, n in batch.hours:
            self.hours[place] += n
        for days, n in batch.gaps:
            self.gaps[days] += n
        for cell, n in batch.cells:
            self.cells[cell] += n
        self._sales += batch.sales

    def _add_hours(self) -> None:
        rows: defaultdict[tuple[int, int], list[int]] = defaultdict(lambda: [0] * len(COLUMNS))
        for (site, hour, column), n in self.hours.items():
            rows[site, hour][column] += n
        _ADD_HOURS.run(self._conn, [(*place, *sums) for place, sums in sorted(rows.items())])

    def _add_sales(self) -> None:
        sums: dict[Till, tuple[int, Sequence[Decimal]]] = {}
        for place, n, amounts in self._sales:
            if place not in sums:
                orders, *standing = self._conn.execute(_SALES, place).fetchone() or _NOTHING
                sums[place] = orders, [Decimal(amount) for amount in standing]
            orders, before = sums[place]
            signed = [amount if n > 0 else -amount for amount in amounts]
            sums[place] = orders + n, [EXACT.add(one, other) for one, other in zip(before, signed, strict=True)]
        for place, (orders, totals) in sums.items():
            if orders == 0:
                self._conn.execute(_DROP_SALES, place)
                continue
            self._conn.execute(_PUT_SALES, (*place, orders, *(format(each, "f") for each in totals)))
