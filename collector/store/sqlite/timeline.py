"""Timelines: the spans of events that are somebody's, merged newest first.

What enters: spans (a visitor from one place to another, or a person's own calls). What leaves: pages of activity.
Each span is read by its index from the cursor on, so a page costs the same however long the history is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from heapq import merge
from itertools import islice
from typing import Any

import msgspec
from msgspec import Struct

from collector.errors import Misuse
from collector.event import Trust
from collector.store import Activity, ActivityPage, ActivityQuery
from collector.store.keys import customer_key
from collector.store.sqlite.dictionary import unpack_id
from collector.store.sqlite.rows import Number
from collector.visits import Key, forms_visit

_SELECT = """
SELECT events.time, events.mid, events.trust, events.seq, names.type, names.name, events.lag, sites.name,
       coalesce(pages.url, ''), coalesce(pages.title, ''), coalesce(referrers.referrer, ''),
       coalesce(referrers.channel, ''), events.campaign, coalesce(events.properties, ''), events.subject,
       events.staff
FROM events JOIN names ON names.id = events.name JOIN sites ON sites.id = events.site
LEFT JOIN pages ON pages.id = events.page LEFT JOIN referrers ON referrers.id = events.referrer
"""
# Index events_timeline, downwards.
_SPAN = f"{_SELECT} WHERE events.subject = ? AND events.time BETWEEN ? AND ? {{named}} ORDER BY events.time DESC"
_NAMED = "AND events.name IN (SELECT id FROM names WHERE name = ? OR (type = ? AND type <> 'track'))"
# What the back end says of an order without naming anybody is its customer's.
_OF_ORDERS = f"""{_SELECT} JOIN order_calls ON order_calls.seq = events.seq
JOIN orders ON orders.site = order_calls.site AND orders.order_id = order_calls.order_id
WHERE orders.customer = ? AND events.subject = 0 AND events.trust = 3 AND events.time BETWEEN ? AND ? {{named}}
ORDER BY events.time DESC"""
_SPANS = """
SELECT tenancies.visitor, tenancies.customer, tenancies.why, start.time, start.mid, start.trust, stop.time, stop.mid,
       stop.trust
FROM tenancies JOIN events AS start ON start.seq = tenancies.from_seq
LEFT JOIN events AS stop ON stop.seq = tenancies.to_seq
WHERE tenancies.deleted = 0 AND
"""
_CLAIMED_BY = """
EXISTS (SELECT 1 FROM claims WHERE claims.visitor = tenancies.visitor AND claims.seq = tenancies.evidence
        AND coalesce(claims.user, claims.email) IN (SELECT value FROM json_each(?)))
"""
_VISITS = """
SELECT visits.first_seq, first.time, first.mid, first.trust, visits.last_time
FROM visits JOIN events AS first ON first.seq = visits.first_seq
WHERE visits.visitor = ? AND visits.deleted = 0 AND visits.last_time >= ? AND visits.first_time <= ?
"""
_COUNT = "SELECT count(*) FROM events WHERE subject = ? AND time > ? AND time < ?"
_TIED = "SELECT time, mid, trust FROM events WHERE subject = ? AND time = ?"
ALWAYS = 2**62


class Span(Struct, frozen=True):
    """A stretch [start, end) of one timeline; `subject` as in the log, or 0: what is said of the customer's orders."""

    subject: int
    customer: int | None = None
    why: str | None = None
    start: Key | None = None
    end: Key | None = None

    def holds(self, key: Key) -> bool:
        return (self.start is None or self.start <= key) and (self.end is None or key < self.end)


class Timeline:
    """Reads timelines through one connection; the caller holds the snapshot."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn
        self._keys: dict[int, str] = {}

    def spans_of_customer(self, customer: int) -> list[Span]:
        """Everything that is a customer's: spans of visitors, calls that name the person, calls about the orders."""
        persons = self._conn.execute("SELECT id FROM persons WHERE customer = ?", (customer,))
        named = [Span(-person, customer, "named") for (person,) in persons]
        return [*self._spans("tenancies.customer = ?", customer), *named, Span(0, customer, "order")]

    def spans_claimed_by(self, customer: int, persons: str) -> list[Span]:
        """The spans of visitors that are a customer's by a claim of one of these persons (ids, a JSON list)."""
        return self._spans(f"tenancies.customer = ? AND {_CLAIMED_BY}", customer, persons)

    def page(self, spans: list[Span], query: ActivityQuery) -> ActivityPage:
        """The newest events of the spans that the query asks for, from its cursor on."""
        before = _read_cursor(query.cursor)
        streams = [self._stream(span, query, before) for span in spans]
        rows = list(islice(merge(*streams, key=lambda found: found[0], reverse=True), query.limit + 1))
        shown = rows[: query.limit]
        subjects = {row[14] for _, row, _ in shown if row[14] > 0}
        times = [key[0] for key, _, _ in shown]
        visits = {subject: self._visits(subject, min(times), max(times)) for subject in subjects}
        tenants = {span.subject: self._spans("tenancies.visitor = ?", span.subject) for span in spans if not span.why}
        events = [self._activity(key, row, span, visits, tenants) for key, row, span in shown]
        return ActivityPage(events, _write_cursor(shown[-1][0]) if len(rows) > query.limit else None)

    def count(self, spans: list[Span]) -> int:
        """How many events the spans hold."""
        return sum(self._count(span) for span in spans)

    def consent(self, spans: list[Span]) -> dict[str, bool]:
        """The purposes that were granted when the newest event was recorded."""
        newest = self.page(spans, ActivityQuery(limit=1)).events
        row = (
            newest
            and self._conn.execute(
                "SELECT granted FROM events JOIN consents ON consents.id = events.consent WHERE seq = ?",
                (newest[0].seq,),
            ).fetchone()
        )
        return dict.fromkeys(row[0].split(","), True) if row else {}

    def _stream(
        self, span: Span, query: ActivityQuery, before: Key | None
    ) -> Iterator[tuple[Key, tuple[Any, ...], Span]]:
        """A span's events, newest first, ties by messageId."""
        low = max(-ALWAYS if span.start is None else span.start[0], -ALWAYS if query.start is None else query.start)
        high = min(
            ALWAYS if span.end is None else span.end[0],
            ALWAYS if query.end is None else query.end - 1,
            ALWAYS if before is None else before[0],
        )
        named = _NAMED if query.event else ""
        statement = (_SPAN if span.subject else _OF_ORDERS).format(named=named)
        bound = (span.subject or span.customer, low, high, *((query.event,) * 2 if query.event else ()))
        tied: list[tuple[Key, tuple[Any, ...], Span]] = []
        for row in self._conn.execute(statement, bound):
            key = (row[0], unpack_id(row[1]), int(row[2] == Trust.SERVER))
            if not span.holds(key) or (before is not None and key >= before):
                continue
            if tied and tied[0][0][0] != key[0]:
                yield from sorted(tied, key=lambda found: found[0], reverse=True)
                tied = []
            tied.append((key, row, span))
        yield from sorted(tied, key=lambda found: found[0], reverse=True)

    def _count(self, span: Span) -> int:
        if span.subject == 0:
            statement = f"SELECT count(*) FROM ({_OF_ORDERS.format(named='')})"
            found: int = self._conn.execute(statement, (span.customer, -ALWAYS, ALWAYS)).fetchone()[0]
            return found
        low = -ALWAYS if span.start is None else span.start[0]
        high = ALWAYS if span.end is None else span.end[0]
        inside: int = self._conn.execute(_COUNT, (span.subject, low, high)).fetchone()[0]
        for time in {low, high}:
            for row in self._conn.execute(_TIED, (span.subject, time)):
                inside += span.holds((row[0], unpack_id(row[1]), int(row[2] == Trust.SERVER)))
        return inside

    def _spans(self, where: str, *of: int | str) -> list[Span]:
        rows = self._conn.execute(_SPANS + where, of).fetchall()
        return [
            Span(visitor, customer, why, _key(*bounds[:3]), None if bounds[3] is None else _key(*bounds[3:]))
            for visitor, customer, why, *bounds in rows
        ]

    def _visits(self, visitor: int, low: int, high: int) -> list[tuple[Key, int]]:
        """A visitor's visits between two times, as (first key, last time), sorted."""
        rows = self._conn.execute(_VISITS, (visitor, low, high))
        return sorted((_key(time, mid, trust), last) for _, time, mid, trust, last in rows)

    def _activity(
        self,
        key: Key,
        row: tuple[Any, ...],
        span: Span,
        visits: dict[int, list[tuple[Key, int]]],
        tenants: dict[int, list[Span]],
    ) -> Activity:
        time, mid, trust, seq, kind, name, lag, site, *shown, properties, subject, staff = row
        url, title, referrer, channel, campaign = shown
        held = span if span.why else next((each for each in tenants[span.subject] if each.holds(key)), None)
        why = held.why if held else "claimed" if trust == Trust.CLAIMED else None
        return Activity(
            id=unpack_id(mid),
            seq=seq,
            type=kind,
            name=name,
            time=time,
            received=time + lag,
            site=site,
            visitor=self._visitor(subject) if subject > 0 else None,
            visit=_visit_at(visits.get(subject, []), key) if forms_visit(kind, name, bool(staff)) else None,
            customer=self._key_of(held.customer) if held and held.customer is not None else None,
            url=url,
            title=title,
            referrer=referrer,
            channel=channel,
            campaign=self._campaign(campaign),
            properties=properties,
            why=why,
        )

    def _visitor(self, visitor: int) -> str:
        return unpack_id(self._conn.execute("SELECT visitor FROM visitors WHERE id = ?", (visitor,)).fetchone()[0])

    def _key_of(self, customer: int) -> str:
        if customer not in self._keys:
            self._keys[customer] = text_of_key(self._conn, customer)
        return self._keys[customer]

    def _campaign(self, campaign: int | None) -> dict[str, str]:
        if campaign is None:
            return {}
        row = self._conn.execute(
            "SELECT source, medium, name, term, content, click_id FROM campaigns WHERE id = ?", (campaign,)
        ).fetchone()
        parts = zip(("source", "medium", "name", "term", "content", "click_id"), row, strict=True)
        return {part: value for part, value in parts if value}


def text_of_key(conn: sqlite3.Connection, customer: int) -> str:
    """The key that a customer bears."""
    kind, space, value = conn.execute("SELECT kind, space, value FROM persons WHERE id = ?", (customer,)).fetchone()
    return customer_key(kind, space, value)


def _visit_at(visits: list[tuple[Key, int]], key: Key) -> str | None:
    found = [first for first, last in visits if first <= key and key[0] <= last]
    return found[-1][1] if found else None


def _key(time: int, mid: Any, trust: int) -> Key:
    return time, unpack_id(mid), int(trust == Trust.SERVER)


def _write_cursor(key: Key) -> str:
    return msgspec.json.encode(key).hex()


def _read_cursor(cursor: str | None) -> Key | None:
    if cursor is None:
        return None
    try:
        key: Key = msgspec.json.decode(bytes.fromhex(cursor), type=tuple[Number, str, Number])
    except (ValueError, msgspec.DecodeError) as error:
        raise Misuse("the cursor is not one that this timeline gave") from error
    return key
