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
_CHOSEN = "FILTER (WHERE name IN (SELECT value FROM json_each(?5)))"
_fits = msgspec.json.Decoder(list[tuple[int, int]])


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
    statements = [step.format(chosen=_CHOSEN if names is not None else "") for step in (_STEP, _STEP_OF_ORDERS)]
    chosen = () if names is None else (msgspec.json.encode(names).decode(),)
    reaches = [reach for span in spans if (reach := _Reach(span, low, high)).low <= reach.high]
    ahead = [(-reach.high, at) for at, reach in enumerate(reaches)]
    heapify(ahead)
    found: list[tuple[int, int, Span]] = []
    pending: list[int] = []  # minus the times of what is found at or below the floor, where more may be
    complete = looked_at = 0
    while ahead and looked_at < looked_at_max:
        while pending and pending[0] < ahead[0][0]:
            heappop(pending)
            complete += 1
        if complete >= wanted:
            break
        _, at = heappop(ahead)
        reach = reaches[at]
        bound = (reach.span.subject or reach.span.customer, reach.low, reach.high, reach.size)
        count, lowest, fits = conn.execute(statements[reach.span.subject == 0], (*bound, *chosen)).fetchone()
        looked_at += count
        whole = count < reach.size
        # The last millisecond of a step may hold more than was seen: it is looked at again.
        for time, seq in _fits.decode(fits):
            if whole or time > lowest:
                found.append((time, seq, reach.span))
                heappush(pending, -time)
        if not whole:
            reach.size = min(reach.size * 8, STEP_MAX) if lowest < reach.high else reach.size * 8
            reach.high = lowest
            heappush(ahead, (-lowest, at))
    return _cut(found, wanted, -ahead[0][0] if ahead else None)


def _cut(found: list[tuple[int, int, Span]], wanted: int, floor: int | None) -> Found:
    """The newest `wanted` and what shares the last one's millisecond."""
    events = sorted((each for each in found if floor is None or each[0] > floor), key=lambda each: -each[0])
    if len(events) <= wanted:
        return Found(events, floor)
    last = events[wanted - 1][0]
    kept = [each for each in events if each[0] >= last]
    return Found(kept, floor if len(kept) == len(events) else last - 1)
