"""Looking backward through spans of the log, newest first, in bounded steps.

What enters: spans, a range of time, and maybe the names that count. What leaves: the newest events that fit, as (time,
seq, span), and how far down the look was complete. It reads one covering index, never a row of the log.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from heapq import heapify, heappop, heappush

import msgspec
from msgspec import Struct

from collector.visits import Key

ALWAYS = 2**62
LOOKED_AT_MAX = 50_000
STEP_MIN, STEP_MAX = 4, 16_384
# One statement takes the first step in so many spans, and in each so far that few need another one: each statement
# gives the interpreter up and has to get it back.
FIRST_SPANS_MAX, FIRST_EVENTS = 64, 512

# Index events_timeline (subject, time, name), downwards, which holds all that is asked. One row comes back a step.
_STEP = """
SELECT count(*), min(time), json_group_array(json_array(time, seq)) {chosen}
FROM (SELECT time, seq, name FROM events WHERE subject = ?1 AND time BETWEEN ?2 AND ?3 ORDER BY time DESC LIMIT ?4)
"""
# What the back end says of an order without naming anybody is its customer's. Primary key, downwards.
_STEP_OF_ORDERS = """
SELECT count(*), min(time), json_group_array(json_array(time, seq)) {chosen}
FROM (SELECT time, seq, name FROM order_told WHERE customer = ?1 AND time BETWEEN ?2 AND ?3 ORDER BY time DESC LIMIT ?4)
"""
# Both for a list of [subject, low, high] and one of [customer, low, high].
_FIRST = """
SELECT
    (SELECT json_group_array(json((
        SELECT json_array(count(*), min(time), json_group_array(json_array(time, seq)) {chosen})
        FROM (SELECT time, seq, name FROM events WHERE subject = sought.value ->> 0
              AND time BETWEEN sought.value ->> 1 AND sought.value ->> 2 ORDER BY time DESC LIMIT ?3))))
     FROM json_each(?1) AS sought),
    (SELECT json_group_array(json((
        SELECT json_array(count(*), min(time), json_group_array(json_array(time, seq)) {chosen})
        FROM (SELECT time, seq, name FROM order_told WHERE customer = sought.value ->> 0
              AND time BETWEEN sought.value ->> 1 AND sought.value ->> 2 ORDER BY time DESC LIMIT ?3))))
     FROM json_each(?2) AS sought)
"""
_CHOSEN = "FILTER (WHERE name IN (SELECT value FROM json_each({names})))"
Fits = list[tuple[int, int]]
_fits = msgspec.json.Decoder(Fits)
_firsts = msgspec.json.Decoder(list[tuple[int, int | None, Fits]])  # as a step's row


class Span(Struct, frozen=True):
    """A stretch [start, end) of one timeline; `subject` as in the log, or 0: what is said of the customer's orders."""

    subject: int
    customer: int | None = None
    why: str | None = None
    start: Key | None = None
    end: Key | None = None

    def holds(self, key: Key) -> bool:
        return (self.start is None or self.start <= key) and (self.end is None or key < self.end)


class Found(Struct, frozen=True):
    """`events` are complete above `floor` (a time); None: down to the very first."""

    events: list[tuple[int, int, Span]]
    floor: int | None


class _Reach:
    """How far down one span has been looked through."""

    __slots__ = ("high", "low", "size", "span")

    def __init__(self, span: Span, low: int, high: int) -> None:
        self.span, self.size = span, STEP_MIN
        self.low = low if span.start is None else max(low, span.start[0])
        self.high = high if span.end is None else min(high, span.end[0])


def newest(
    conn: sqlite3.Connection,
    spans: Sequence[Span],
    wanted: int,
    *,
    low: int = -ALWAYS,
    high: int = ALWAYS,
    names: Sequence[int] | None = None,
    looked_at_max: int = LOOKED_AT_MAX,
) -> Found:
    """At least the newest `wanted` events of the spans within [low, high], all of their last millisecond included.

    Fewer where there are no more, or where `looked_at_max` events had been looked at; `names` None: any.
    The step is always taken in the span that has been looked through least far down.
    """
    look = _Look(conn, [reach for span in spans if (reach := _Reach(span, low, high)).low <= reach.high], names)
    look.begin(wanted)
    while look.ahead and look.looked_at < looked_at_max and not look.is_complete(wanted):
        look.go_on()
    return _cut(look.found, wanted, -look.ahead[0][0] if look.ahead else None)


class _Look:
    """What was `found`; and what is `ahead`: minus a time and the place of a reach, the least far down first."""

    def __init__(self, conn: sqlite3.Connection, reaches: list[_Reach], names: Sequence[int] | None) -> None:
        self._conn, self._reaches = conn, reaches
        self._names = () if names is None else (msgspec.json.encode(names).decode(),)
        self.ahead = [(-reach.high, at) for at, reach in enumerate(reaches)]
        heapify(self.ahead)
        self.found: list[tuple[int, int, Span]] = []
        self.looked_at = 0
        self._pending: list[int] = []  # minus the times of what is found at or below the floor, where more may be
        self._complete = 0

    def begin(self, wanted: int) -> None:
        """The first step in many spans."""
        first = [heappop(self.ahead)[1] for _ in range(min(len(self.ahead), FIRST_SPANS_MAX))]
        if not first:
            return
        events = [at for at in first if self._reaches[at].span.subject]
        orders = [at for at in first if not self._reaches[at].span.subject]
        size = max(STEP_MIN, min(wanted + 1, FIRST_EVENTS // len(first)))
        bound = (self._bounds(events), self._bounds(orders), size, *self._names)
        rows = self._conn.execute(self._statement(_FIRST, 4), bound).fetchone()
        for places, row in zip((events, orders), rows, strict=True):
            for at, seen in zip(places, _firsts.decode(row), strict=True):
                self._reaches[at].size = size
                self._note(at, *seen)

    def _bounds(self, places: list[int]) -> str:
        reaches = [self._reaches[at] for at in places]
        asked = [(reach.span.subject or reach.span.customer, reach.low, reach.high) for reach in reaches]
        return msgspec.json.encode(asked).decode()

    def is_complete(self, wanted: int) -> bool:
        while self._pending and self._pending[0] < self.ahead[0][0]:
            heappop(self._pending)
            self._complete += 1
        return self._complete >= wanted

    def go_on(self) -> None:
        """A step in the span that has been looked through least far down."""
        self._step(heappop(self.ahead)[1])

    def _step(self, at: int) -> None:
        reach = self._reaches[at]
        of, step = (reach.span.subject, _STEP) if reach.span.subject else (reach.span.customer, _STEP_OF_ORDERS)
        bound = (of, reach.low, reach.high, reach.size, *self._names)
        count, lowest, fits = self._conn.execute(self._statement(step, 5), bound).fetchone()
        self._note(at, count, lowest, _fits.decode(fits))

    def _note(self, at: int, count: int, lowest: int | None, fits: Fits) -> None:
        reach = self._reaches[at]
        self.looked_at += count
        whole = count < reach.size
        # The last millisecond of a step may hold more than was seen: it is looked at again.
        for time, seq in fits:
            if whole or lowest is None or time > lowest:
                self.found.append((time, seq, reach.span))
                heappush(self._pending, -time)
        if not whole and lowest is not None:
            reach.size = min(reach.size * 8, STEP_MAX) if lowest < reach.high else reach.size * 8
            reach.high = lowest
            heappush(self.ahead, (-lowest, at))

    def _statement(self, statement: str, names: int) -> str:
        return statement.format(chosen=_CHOSEN.format(names=f"?{names}") if self._names else "")


def _cut(found: list[tuple[int, int, Span]], wanted: int, floor: int | None) -> Found:
    """The newest `wanted` and what shares the last one's millisecond."""
    events = sorted((each for each in found if floor is None or each[0] > floor), key=lambda each: -each[0])
    if len(events) <= wanted:
        return Found(events, floor)
    last = events[wanted - 1][0]
    kept = [each for each in events if each[0] >= last]
    return Found(kept, floor if len(kept) == len(events) else last - 1)
