"""What a browser may have erased by nothing but its id: what it told one site itself.

What enters: a site, an `anonymousId`. What leaves: the choice for an erasure. Not the back end's calls, none that bears
a token, none of a stretch that is another's than who is there now: these are for staff to judge.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_right
from collections.abc import Sequence

from msgspec import Struct

from collector.event import Trust
from collector.store.keys import Kind, customer_key
from collector.store.sqlite.choosing import Chosen, Hole, hash_of
from collector.store.sqlite.dictionary import pack_id, unpack_id
from collector.store.sqlite.scanning import ALWAYS, Span
from collector.store.sqlite.timeline import Timeline
from collector.visits import Key

# A browser of a person has far fewer; more is a matter for staff, since all wait for the writer.
CALLS_MAX = 10_000

_IDS = "SELECT visitors.id, sites.id FROM visitors, sites WHERE visitor = ? AND name = ?"
# Index events_timeline.
_CALLS = "SELECT seq, time, mid, trust FROM events WHERE subject = ? AND site = ? ORDER BY time LIMIT ?"


class Browsing(Struct, frozen=True):
    """`chosen` None: there is nothing to take out. `is_known`: the site has something of this browser."""

    hash: str
    chosen: Chosen | None = None
    is_known: bool = False


def browsing_of(conn: sqlite3.Connection, hash_key: bytes, site: str, visitor: str, at: int) -> Browsing:
    """Everything must have been derived. For a visitor who is not known, too, there is a receipt."""
    hash = hash_of(customer_key(Kind.VISITOR, "", visitor), hash_key)
    ids = conn.execute(_IDS, (pack_id(visitor), site)).fetchone()
    if ids is None:
        return Browsing(hash)
    spans = Timeline(conn).spans_of_visitor(ids[0])
    holder = next((span.customer for span in spans if span.end is None), None)
    others = [span for span in spans if span.customer != holder]
    own: list[int] = []
    calls = conn.execute(_CALLS, (*ids, CALLS_MAX + 1)).fetchall()
    for seq, time, mid, trust in calls:
        if _is_within(others, (time, unpack_id(mid), int(trust == Trust.SERVER))):
            continue
        if trust <= Trust.BROWSER and len(calls) <= CALLS_MAX:
            own.append(seq)
    chosen = Chosen(
        seqs=sorted(own),
        customers=frozenset() if holder is None else frozenset({holder}),
        persons=frozenset(),
        followed=frozenset(),
        holes=[Hole(ids[0], start, end, site) for start, end in _between(others, at)],
        erasures=[(at, hash, sorted(own))],
    )
    return Browsing(hash, chosen if own else None, bool(calls))


def _is_within(spans: Sequence[Span], key: Key) -> bool:
    """Spans in their order, of which none overlap."""
    at = bisect_right(spans, key, key=lambda span: span.start or (-ALWAYS, "", 0)) - 1
    return at >= 0 and spans[at].holds(key)


def _between(spans: Sequence[Span], at: int) -> list[tuple[int, int]]:
    """The stretches up to `at`, in ms and with both ends, that none of the spans holds."""
    found, start = [], -ALWAYS
    for span in spans:
        assert span.start is not None and span.end is not None, "whoever is there now is nobody else"
        if start < span.start[0]:
            found.append((start, span.start[0] - 1))
        start = span.end[0]
    return [*found, (start, at)] if start <= at else found
