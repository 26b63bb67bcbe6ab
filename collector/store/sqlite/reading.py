"""Look-ups: one customer's profile, a timeline, the list of customers.

What enters: keys and queries. What leaves: the read models of `collector.store`, from one snapshot of the file.
It writes nothing and derives nothing: what it reads has been settled.
"""

from __future__ import annotations

import sqlite3

import msgspec

from collector.event import Trust
from collector.store import (
    ActivityPage,
    ActivityQuery,
    Claimed,
    JoinedVisitor,
    KnownId,
    Money,
    OrderTotals,
    Profile,
)
from collector.store.keys import Kind, customer_key, read_key
from collector.store.sqlite.dictionary import pack_id, unpack_id
from collector.store.sqlite.ids import ids_in_sql
from collector.store.sqlite.ordering import add_up
from collector.store.sqlite.scanning import Span
from collector.store.sqlite.timeline import NAMED_BY, Timeline, text_of_key

_BEARER = "SELECT id FROM persons WHERE value = ? AND kind = ? AND space = ?"
_JOINED = """
SELECT tenancies.visitor, visitors.visitor, tenancies.customer, tenancies.from_time, tenancies.to_time, tenancies.why,
       tenancies.strength, evidence.mid
FROM tenancies JOIN visitors ON visitors.id = tenancies.visitor
JOIN events AS evidence ON evidence.seq = tenancies.evidence
"""
_ROW = f"""
SELECT kind, {ids_in_sql("customers")}, traits, money, first_seen, last_seen, orders, unconfirmed,
       first_order, last_order
FROM customers WHERE customer = ? AND deleted = 0
"""
# Unsigned claims on sites that require signed identity, by who is named. Indexes events_claimed_user and _email.
_CLAIMED = """
SELECT visitors.visitor, claimed.time, claimed.mid FROM (
    SELECT subject, time, mid FROM events
    WHERE trust = 0 AND user IS NOT NULL AND user IN (SELECT id FROM persons WHERE customer = ?1)
    UNION SELECT subject, time, mid FROM events
    WHERE trust = 0 AND email IS NOT NULL AND email IN (SELECT id FROM persons WHERE customer = ?1)) AS claimed
JOIN visitors ON visitors.id = claimed.subject
ORDER BY claimed.time DESC LIMIT 100
"""
# Both ends of events_timeline: asked for together they would be looked for along all of it.
_BOUNDS = """
SELECT (SELECT min(time) FROM events WHERE subject = ?1), (SELECT max(time) FROM events WHERE subject = ?1)
"""
_STATS = """
SELECT (SELECT count(*) FROM quarantine), (SELECT coalesce(max(seq), 0) FROM events),
       (SELECT coalesce(max(value), 0) FROM meta WHERE key = 'projected'),
       (SELECT coalesce(max(value), 0) FROM meta WHERE key = 'set_aside'),
       (SELECT count(*) FROM stuck), (SELECT coalesce(max(value), 0) FROM meta WHERE key = 'filed')
"""


class Reading:
    """Look-ups through one connection; the caller holds the snapshot."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn

    def person(self, key: str) -> int | None:
        """The person who bears exactly this id; None where there is none."""
        sought = read_key(key)
        row = self._conn.execute(_BEARER, (sought.value, int(sought.kind), sought.space)).fetchone()
        return row[0] if row else None

    def visitor(self, key: str) -> int | None:
        """The visitor that a key names; None where there is none."""
        row = self._conn.execute(
            "SELECT id FROM visitors WHERE visitor = ?", (pack_id(read_key(key).value),)
        ).fetchone()
        return row[0] if row else None

    def customer(self, key: str) -> int | None:
        """The customer that a key names, also a former key; None where there is none."""
        sought = read_key(key)
        if sought.kind is Kind.VISITOR:
            return None
        row = self._conn.execute(NAMED_BY, (sought.value, int(sought.kind), sought.space)).fetchone()
        return row[0] if row else None

    def profile(self, key: str, count_max: int | None = None) -> Profile | None:
        """Who this is; events are counted no further than `count_max`."""
        sought, timeline = read_key(key), Timeline(self._conn)
        if sought.kind is Kind.VISITOR:
            return self._visitor_profile(key, count_max)
        found = timeline.customer(sought)
        if found is None:
            return None
        customer, spans = found
        row = self._conn.execute(_ROW, (customer,)).fetchone()
        kind, ids, traits, money, first_seen, last_seen, orders, unconfirmed, first_order, last_order = row
        return Profile(
            key=text_of_key(self._conn, customer),
            kind=kind,
            ids=msgspec.json.decode(ids, type=tuple[KnownId, ...]),
            traits=msgspec.json.decode(traits),
            first_seen=first_seen,
            last_seen=last_seen,
            visitors=self._joined("tenancies.customer", customer),
            claimed=self._claimed(customer),
            orders=OrderTotals(orders, unconfirmed, first_order, last_order),
            money=msgspec.json.decode(money, type=tuple[Money, ...]),
            consent=timeline.consent(spans),
            events=timeline.count(spans, count_max),
        )

    def _visitor_profile(self, key: str, count_max: int | None) -> Profile | None:
        visitor = self.visitor(key)
        if visitor is None:
            return None
        timeline = Timeline(self._conn)
        spans = [Span(visitor)]
        bounds = self._conn.execute(_BOUNDS, (visitor,)).fetchone()
        total = add_up(self._conn, visitor, of="visitor")
        return Profile(
            key=customer_key(Kind.VISITOR, "", read_key(key).value),
            kind="visitor",
            ids=(),
            traits={},
            first_seen=bounds[0],
            last_seen=bounds[1],
            visitors=self._joined("tenancies.visitor", visitor),
            claimed=(),
            orders=OrderTotals(total.orders, total.unconfirmed, total.first, total.last),
            money=tuple(Money(**each) for each in total.money),
            consent=timeline.consent(spans),
            events=timeline.count(spans, count_max),
        )

    def activity(self, key: str, query: ActivityQuery) -> ActivityPage | None:
        sought, timeline = read_key(key), Timeline(self._conn)
        if sought.kind is Kind.VISITOR:
            visitor = self.visitor(key)
            return None if visitor is None else timeline.page([Span(visitor)], query)
        found = timeline.customer(sought)
        return None if found is None else timeline.page(found[1], query)

    def stats(self) -> dict[str, int]:
        quarantined, last, projected, set_aside, stuck, filed = self._conn.execute(_STATS).fetchone()
        return {
            "quarantined": quarantined,
            "events_last": last,
            "projected": projected,
            "filed": filed,
            "backlog": last - projected,
            "set_aside": set_aside + stuck,
        }

    def _joined(self, column: str, of: int) -> tuple[JoinedVisitor, ...]:
        rows = self._conn.execute(f"{_JOINED} WHERE {column} = ? AND tenancies.deleted = 0", (of,)).fetchall()
        joined = [
            JoinedVisitor(
                visitor=unpack_id(visitor),
                customer=text_of_key(self._conn, customer),
                from_time=from_time,
                to_time=to_time,
                why=why,
                strength=Trust(strength).word,
                evidence=unpack_id(evidence),
            )
            for _, visitor, customer, from_time, to_time, why, strength, evidence in rows
        ]
        return tuple(sorted(joined, key=lambda each: (each.from_time, each.visitor, each.evidence)))

    def _claimed(self, customer: int) -> tuple[Claimed, ...]:
        rows = self._conn.execute(_CLAIMED, (customer,))
        return tuple(Claimed(unpack_id(visitor), time, unpack_id(mid)) for visitor, time, mid in rows)
