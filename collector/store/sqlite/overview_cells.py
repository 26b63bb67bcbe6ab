"""Cells: how often each key (a page, a product, a source) came up, packed into bytes day by day, and summed over days.

What enters: counts by key. What leaves: packed cells, and sums over spans of days. A closed day is packed, and so are
the 8 and the 32 days that it lies in; what comes later stays beside them in rows, until the next day is closed.
"""

from __future__ import annotations

import sqlite3
import struct
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import IntEnum
from itertools import accumulate

import msgspec

LEVELS = (1, 8, 32)  # days that are packed together
OPEN_DAYS = 2  # the newest day, and the one before, for which calls still come
LATE_ROWS_MAX = 50_000

# Primary key of overview_cells: days seek, then whats, then sites.
_OLDEST = "SELECT day, what, site FROM overview_cells ORDER BY day, what, site LIMIT 1"
_SOME = "SELECT key, n FROM overview_cells WHERE day = ? AND what = ? AND site = ?"
_DROP_SOME = "DELETE FROM overview_cells WHERE day = ? AND what = ? AND site = ?"
_OF_DAY = "SELECT DISTINCT what, site FROM overview_cells WHERE day = ?"
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


def cells_of_span(
    conn: sqlite3.Connection, what: What, site: int, first: int, last: int, keys: Iterable[int] | None = None
) -> dict[int, int]:
    """How often each key (of `keys`, where given) came up from the first day to the last, at a site or (0) at all."""
    sums: defaultdict[int, int] = defaultdict(int)
    sought = None if keys is None else list(keys)
    for level, start, end in parts(first, last + 1):
        bound = {"what": what, "days": level, "first": start, "end": end, "site": site}
        for (packed,) in conn.execute(_PACKED_OF_SPAN, bound):
            if sought is not None:
                cells = dict(unpack(packed))
                _add(sums, ((key, cells[key]) for key in sought if key in cells))
            elif sums:
                _add(sums, unpack(packed))
            else:  # the largest come first: at once
                sums.update(unpack(packed))
    days = msgspec.json.encode(list(range(first, last + 1))).decode()
    _add(sums, conn.execute(_ROWS_OF_SPAN, {"days": days, "what": what, "site": site}))
    return {key: n for key, n in sums.items() if n > 0}


def parts(first: int, end: int, levels: Sequence[int] = LEVELS) -> Iterator[tuple[int, int, int]]:
    """(level, first, end) of the largest blocks that lie within the span, smaller ones at its ends, days at last."""
    *smaller, days = levels
    inner_first, inner_end = -(-first // days) * days, end // days * days
    if inner_first >= inner_end:
        if smaller:
            yield from parts(first, end, smaller)
        return
    yield days, inner_first, inner_end
    for start, stop in ((first, inner_first), (inner_end, end)):
        if start < stop:
            yield from parts(start, stop, smaller)


def _add(sums: defaultdict[int, int], cells: Iterable[tuple[int, int]]) -> None:
    for key, n in cells:
        sums[key] += n


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

    @property
    def is_due(self) -> bool:
        """Whether there may be something to pack."""
        return self._newest is not None and (self._due or self._late_rows > LATE_ROWS_MAX)

    def step(self, lists_max: int) -> None:
        """Pack so many lists of the days that are closed, if it is time; each takes some ms."""
        for _ in range(lists_max):
            if not self.is_due:
                return
            oldest = self._conn.execute(_OLDEST).fetchone()
            if self._newest is None or oldest is None or oldest[0] > self._newest - OPEN_DAYS:
                self._due, self._late_rows = False, 0
                return
            self._pack(*oldest)

    def pack_day(self, day: int) -> None:
        """Move a day's rows into its packed cells and into those of its blocks."""
        for what, site in self._conn.execute(_OF_DAY, (day,)).fetchall():
            self._pack(day, what, site)

    def _pack(self, day: int, what: int, site: int) -> None:
        cells = self._conn.execute(_SOME, (day, what, site)).fetchall()
        for days in LEVELS:
            self._merge((what, days, day // days * days, site), cells)
        self._conn.execute(_DROP_SOME, (day, what, site))

    def forget(self) -> None:
        """The transaction was rolled back, or another process has written."""
        self._newest, self._late_rows, self._due = None, 0, True

    def _merge(self, place: tuple[int, ...], cells: list[tuple[int, int]]) -> None:
        sums: defaultdict[int, int] = defaultdict(int)
        packed = self._conn.execute(_PACKED, place).fetchone()
        if packed:
            _add(sums, unpack(packed[0]))
        _add(sums, cells)
        self._conn.execute(_PUT, (*place, pack({key: n for key, n in sums.items() if n > 0})))
