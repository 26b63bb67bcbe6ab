"""Cells: how often each key (a page, a product, a source) came up, packed into bytes day by day, and summed over days.

What enters: counts by key. What leaves: packed cells, and sums over spans of days. A closed day is packed once and so
are the 8 days that it lies in; what comes later stays beside it in rows, until the next day is closed.
"""

from __future__ import annotations

import sqlite3
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from enum import IntEnum
from itertools import accumulate, groupby

import msgspec

BLOCK_DAYS = 8
OPEN_DAYS = 2  # the newest day, and the one before, for which calls still come
DAYS_A_STEP = 8
LATE_ROWS_MAX = 50_000

# Primary key of overview_cells: days seek, then whats.
_ROWS = "SELECT what, site, key, n FROM overview_cells WHERE day = ? ORDER BY what, site, key"
_OLDEST = "SELECT min(day) FROM overview_cells"
_DROP = "DELETE FROM overview_cells WHERE day = ?"
# Unique index (what, days, first_day, site).
_PACKED = "SELECT cells FROM overview_packed WHERE what = ? AND days = ? AND first_day = ? AND site = ?"
_PUT = """
INSERT INTO overview_packed (what, days, first_day, site, cells) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (what, days, first_day, site) DO UPDATE SET cells = excluded.cells
"""
_PACKED_OF_SPAN = """
SELECT cells FROM overview_packed
WHERE what = :what AND days = :days AND first_day >= :first AND first_day < :end AND (:site = 0 OR site = :site)
"""
_ROWS_OF_SPAN = """
SELECT cells.key, sum(cells.n)
FROM json_each(:days) AS sought CROSS JOIN overview_cells AS cells ON cells.day = sought.value AND cells.what = :what
WHERE :site = 0 OR cells.site = :site GROUP BY cells.key
"""


class What(IntEnum):
    """What is counted in cells."""

    PAGE_VIEWS = 0
    PRODUCT_VIEWS = 1
    PRODUCT_ADDS = 2
    PRODUCT_ORDERS = 3
    SOURCE_VISITS = 4


OF_PRODUCTS = (What.PRODUCT_VIEWS, What.PRODUCT_ADDS, What.PRODUCT_ORDERS)


def pack(cells: Mapping[int, int]) -> bytes:
    """Keys as the steps between them, then their counts, squeezed: about 3 bytes a cell."""
    keys = sorted(cells)
    steps = [key - before for key, before in zip(keys, [0, *keys], strict=False)]
    return zlib.compress(struct.pack(f"<{2 * len(keys)}I", *steps, *(cells[key] for key in keys)))


def unpack(packed: bytes) -> Iterator[tuple[int, int]]:
    """(key, n), by key."""
    unsqueezed = zlib.decompress(packed)
    size = len(unsqueezed) // 8
    numbers = struct.unpack(f"<{2 * size}I", unsqueezed)
    return zip(accumulate(numbers[:size]), numbers[size:], strict=True)


def cells_of_span(conn: sqlite3.Connection, what: What, site: int, first: int, last: int) -> dict[int, int]:
    """How often each key came up from the first day to the last, at a site or (0) at all."""
    sums: dict[int, int] = {}
    for packed in _packed_of_span(conn, what, site, first, last):
        _add(sums, unpack(packed))
    days = msgspec.json.encode(list(range(first, last + 1))).decode()
    _add(sums, conn.execute(_ROWS_OF_SPAN, {"days": days, "what": what, "site": site}))
    return {key: n for key, n in sums.items() if n > 0}


def _packed_of_span(conn: sqlite3.Connection, what: What, site: int, first: int, last: int) -> Iterator[bytes]:
    """Whole blocks where they lie within the span, days at its ends."""
    end = last + 1
    blocks_first, blocks_end = -(-first // BLOCK_DAYS) * BLOCK_DAYS, end // BLOCK_DAYS * BLOCK_DAYS
    parts = [(1, first, end)]
    if blocks_first < blocks_end:
        parts = [(1, first, blocks_first), (BLOCK_DAYS, blocks_first, blocks_end), (1, blocks_end, end)]
    for days, start, stop in parts:
        bound = {"what": what, "days": days, "first": start, "end": stop, "site": site}
        for (packed,) in conn.execute(_PACKED_OF_SPAN, bound):
            yield packed


def _add(sums: dict[int, int], cells: Iterable[tuple[int, int]]) -> None:
    get = sums.get
    for key, n in cells:
        sums[key] = get(key, 0) + n


class Packing:
    """Packs closed days, some at a time, within the caller's transaction. Sums over spans never change by it."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn
        self._newest: int | None = None
        self._late_rows = 0
        self._due = True

    def note(self, days: set[int], rows: int) -> None:
        """So many rows of these days were written."""
        newest = max(days, default=0)
        if days and (self._newest is None or newest > self._newest):
            self._newest, self._due = newest, True
        if self._newest is not None and any(day <= self._newest - OPEN_DAYS for day in days):
            self._late_rows += rows

    def step(self) -> None:
        """Pack some of the days that are closed, if it is time."""
        if self._newest is None or not (self._due or self._late_rows > LATE_ROWS_MAX):
            return
        for _ in range(DAYS_A_STEP):
            oldest = self._conn.execute(_OLDEST).fetchone()[0]
            if oldest is None or oldest > self._newest - OPEN_DAYS:
                self._due, self._late_rows = False, 0
                return
            self.pack_day(oldest)

    def pack_day(self, day: int) -> None:
        """Move a day's rows into its packed cells and into those of its block."""
        rows = self._conn.execute(_ROWS, (day,)).fetchall()
        for (what, site), group in groupby(rows, lambda row: (row[0], row[1])):
            cells = [(key, n) for _, _, key, n in group]
            for days in (1, BLOCK_DAYS):
                self._merge((what, days, day // days * days, site), cells)
        self._conn.execute(_DROP, (day,))

    def forget(self) -> None:
        """The transaction was rolled back, or another process has written."""
        self._newest, self._late_rows, self._due = None, 0, True

    def _merge(self, place: tuple[int, ...], cells: list[tuple[int, int]]) -> None:
        sums: dict[int, int] = {}
        packed = self._conn.execute(_PACKED, place).fetchone()
        if packed:
            _add(sums, unpack(packed[0]))
        _add(sums, cells)
        self._conn.execute(_PUT, (*place, pack({key: n for key, n in sums.items() if n > 0})))
