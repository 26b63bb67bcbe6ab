"""Look-ups: one customer's profile, a timeline, the list of customers.

What enters: keys and queries. What leaves: the read models of `collector.store`, from one snapshot of the file.
It writes nothing and derives nothing: what it reads has been settled.
"""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec

from collector.errors import Misuse
from collector.event import Trust
from collector.store import (
    SORTS,
    ActivityPage,
    ActivityQuery,
    Claimed,
    CustomerPage,
    CustomerRow,
    JoinedVisitor,
    KnownId,
    Money,
    OrderTotals,
    Profile,
)
from collector.store.keys import Kind, customer_key, read_key
from collector.store.sqlite.dictionary import pack_id, unpack_id
from collector.store.sqlite.ordering import add_up
from collector.store.sqlite.rows import Number
from collector.store.sqlite.timeline import Span, Timeline, text_of_key

_PERSON = """
SELECT customers.customer FROM persons JOIN customers USING (customer)
WHERE persons.value = ? AND persons.kind = ? AND persons.space = ? AND customers.deleted = 0
"""
_BEARER = "SELECT id FROM persons WHERE value = ? AND kind = ? AND space = ?"
_JOINED = """
SELECT tenancies.visitor, visitors.visitor, tenancies.customer, tenancies.from_time, tenancies.to_time, tenancies.why,
       tenancies.strength, evidence.mid
FROM tenancies JOIN visitors ON visitors.id = tenancies.visitor
JOIN events AS evidence ON evidence.seq = tenancies.evidence
"""
_ROW = """
SELECT kind, ids, traits, money, first_seen, last_seen, orders, unconfirmed, first_order, last_order
FROM customers WHERE customer = ? AND deleted = 0
"""
# Unsigned claims on sites that require signed identity; few by nature, found by who is named.
_CLAIMED = """
SELECT visitors.visitor, events.time, events.mid FROM events JOIN visitors ON visitors.id = events.subject
WHERE events.trust = 0 AND (events.user IN (SELECT id FROM persons WHERE customer = ?1)
                         OR events.email IN (SELECT id FROM persons WHERE customer = ?1))
ORDER BY events.time DESC LIMIT 100
"""
_LIST = """
SELECT customers.customer, customers.kind, customers.name, customers.email, customers.phone, customers.first_seen,
       customers.last_seen, customers.orders, customers.unconfirmed, customers.first_order, customers.last_order,
       customers.money, persons.kind, persons.space, persons.value, {sort} AS sort
FROM customers JOIN persons ON persons.id = customers.customer
WHERE customers.deleted = 0 {found} {beyond}
ORDER BY sort {direction}, customers.customer {direction} LIMIT :limit
"""
_FOUND = """AND (customers.name LIKE :like ESCAPE '\\' OR customers.email LIKE :like ESCAPE '\\'
    OR customers.phone LIKE :like ESCAPE '\\'
    OR customers.customer IN (SELECT customer FROM persons WHERE value = :q OR value = lower(:q))
    OR customers.customer IN (SELECT customer FROM orders WHERE order_id = :q AND deleted = 0))"""
_SORTED_BY = {
    "last_seen": "coalesce(customers.last_seen, 0)",
    "first_seen": "coalesce(customers.first_seen, 0)",
    "name": "customers.name",
    "orders": "customers.orders",
}
_STATS = """
SELECT (SELECT count(*) FROM quarantine), (SELECT coalesce(max(seq), 0) FROM events),
       (SELECT coalesce(max(value), 0) FROM meta WHERE key = 'projected'),
       (SELECT coalesce(max(value), 0) FROM meta WHERE key = 'set_aside')
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

    def customer(self, key: str) -> int | None:
        """The customer that a key names, also a former key; None where there is none."""
        sought = read_key(key)
        if sought.kind is Kind.VISITOR:
            return None
        row = self._conn.execute(_PERSON, (sought.value, int(sought.kind), sought.space)).fetchone()
        return row[0] if row else None

    def profile(self, key: str) -> Profile | None:
        if read_key(key).kind is Kind.VISITOR:
            return self._visitor_profile(key)
        customer = self.customer(key)
        row = None if customer is None else self._conn.execute(_ROW, (customer,)).fetchone()
        if customer is None or row is None:
            return None
        kind, ids, traits, money, first_seen, last_seen, orders, unconfirmed, first_order, last_order = row
        timeline = Timeline(self._conn)
        spans = timeline.spans_of_customer(customer)
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
            events=timeline.count(spans),
        )

    def _visitor_profile(self, key: str) -> Profile | None:
        visitor = self._visitor(key)
        if visitor is None:
            return None
        timeline = Timeline(self._conn)
        spans = [Span(visitor)]
        bounds = self._conn.execute("SELECT min(time), max(time) FROM events WHERE subject = ?", (visitor,)).fetchone()
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
            events=timeline.count(spans),
        )

    def activity(self, key: str, query: ActivityQuery) -> ActivityPage | None:
        timeline = Timeline(self._conn)
        if read_key(key).kind is Kind.VISITOR:
            visitor = self._visitor(key)
            return None if visitor is None else timeline.page([Span(visitor)], query)
        customer = self.customer(key)
        return None if customer is None else timeline.page(timeline.spans_of_customer(customer), query)

    def customers(self, q: str, sort: str, cursor: str | None, limit: int) -> CustomerPage:
        """Customers by one of SORTS, newest or most first (names from A); `q` finds by what a person would say."""
        q = q.strip()
        if sort not in SORTS:
            raise Misuse(f"sort must be one of {', '.join(SORTS)}")
        direction, sign = ("ASC", ">") if sort == "name" else ("DESC", "<")
        column = _SORTED_BY[sort]
        statement = _LIST.format(
            sort=column,
            direction=direction,
            found=_FOUND if q else "",
            beyond=f"AND ({column}, customers.customer) {sign} (:value, :customer)" if cursor else "",
        )
        value, customer = _read_cursor(cursor) if cursor else (None, None)
        like = "%" + q.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        named = {"q": q, "like": like, "value": value, "customer": customer, "limit": limit + 1}
        rows = self._conn.execute(statement, named).fetchall()
        more = msgspec.json.encode([rows[limit - 1][15], rows[limit - 1][0]]).hex() if len(rows) > limit else None
        return CustomerPage([_customer_row(row) for row in rows[:limit]], more)

    def stats(self) -> dict[str, int]:
        quarantined, last, projected, set_aside = self._conn.execute(_STATS).fetchone()
        backlog = last - projected
        return {
            "quarantined": quarantined,
            "events_last": last,
            "projected": projected,
            "backlog": backlog,
            "set_aside": set_aside,
        }

    def _visitor(self, key: str) -> int | None:
        row = self._conn.execute(
            "SELECT id FROM visitors WHERE visitor = ?", (pack_id(read_key(key).value),)
        ).fetchone()
        return row[0] if row else None

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
        if not self._conn.execute("SELECT 1 FROM sites WHERE identity = 'signed' LIMIT 1").fetchone():
            return ()
        rows = self._conn.execute(_CLAIMED, (customer,))
        return tuple(Claimed(unpack_id(visitor), time, unpack_id(mid)) for visitor, time, mid in rows)


def _customer_row(row: tuple[Any, ...]) -> CustomerRow:
    _, kind, name, email, phone, first_seen, last_seen, orders, unconfirmed, first, last, money, *key, _ = row
    return CustomerRow(
        key=customer_key(*key),
        kind=kind,
        name=name,
        email=email,
        phone=phone,
        first_seen=first_seen,
        last_seen=last_seen,
        orders=OrderTotals(orders, unconfirmed, first, last),
        money=msgspec.json.decode(money, type=tuple[Money, ...]),
    )


def _read_cursor(cursor: str) -> tuple[Any, int]:
    try:
        value, customer = msgspec.json.decode(bytes.fromhex(cursor), type=tuple[Number | str, Number])
    except (ValueError, msgspec.DecodeError) as error:
        raise Misuse("the cursor is not one that this list gave") from error
    return value, customer
