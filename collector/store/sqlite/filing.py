"""Dossiers: everything about one customer that a page tells beside the timeline.

What enters: a key. What leaves: who it is and by which calls, devices, orders, consent, the cart, trouble, what staff
wrote. Each question is bounded and led by an index, so a long history costs no more than a short one.
"""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec

from collector.event import Trust
from collector.identity import Why
from collector.store.dossier import (
    EVENTS_COUNTED_MAX,
    PURCHASES_MAX,
    REMARKS_MAX,
    Dossier,
    Linked,
    Moment,
    Purchase,
)
from collector.store.keys import Kind, customer_key, read_key
from collector.store.sqlite.belongings import agreed, devices, joined_visitors, times_of, withdrawn
from collector.store.sqlite.dictionary import pack_id
from collector.store.sqlite.ids import ids_in_sql
from collector.store.sqlite.lately import cart_now, last_trouble, moments
from collector.store.sqlite.lines import LINES_IN_SQL, read_lines
from collector.store.sqlite.reading import Reading
from collector.store.sqlite.scanning import Found, Span, newest
from collector.store.sqlite.timeline import Timeline

_CALLED = f"SELECT name, email, phone, {ids_in_sql('customers')} FROM customers WHERE customer = ?"
_IDS = "SELECT id, kind, space, value FROM persons WHERE customer = ? ORDER BY id = ? DESC, kind, value, space"
# Primary key of links. Of several calls that link, the strongest counts, then the earliest.
_LINKING = """
SELECT links.why, events.time, events.seq FROM links JOIN events ON events.seq = links.seq
WHERE links.person = ? AND links.user IN (SELECT id FROM persons WHERE customer = ?)
ORDER BY links.strength DESC, events.time, events.mid LIMIT 1
"""
# Index orders_customer, or orders_visitor, downwards.
_PURCHASES = f"""
SELECT sites.name, orders.order_id, orders.confirmed, orders.status, orders.time, coalesce(orders.currency, ''),
       orders.total, coalesce(orders.refunded, '0'), orders.fold, {LINES_IN_SQL}
FROM orders JOIN sites ON sites.id = orders.site
WHERE orders.{{of}} = ? AND orders.deleted = 0 ORDER BY orders.time DESC LIMIT ?
"""
# Index events_staff.
_REMARKS = """
SELECT time, seq FROM events WHERE subject = ? AND staff IS NOT NULL AND time BETWEEN ? AND ? ORDER BY time DESC LIMIT ?
"""
_SITE = """
SELECT sites.name FROM events JOIN sites ON sites.id = events.site WHERE events.seq = ?
"""
# Index unlinks_visitor.
_UNLINKED = """
SELECT max(time) FROM unlinks
WHERE visitor = (SELECT id FROM visitors WHERE visitor = ?1)
  AND EXISTS (SELECT 1 FROM json_each(unlinks.persons) WHERE value IN (SELECT id FROM persons WHERE customer = ?2))
"""
_UNDONE = """
SELECT max(time) FROM link_undos WHERE person = ?1
  AND EXISTS (SELECT 1 FROM json_each(link_undos.persons) WHERE value IN (SELECT id FROM persons WHERE customer = ?2))
"""


class _Fold(msgspec.Struct):
    """What of `orders.fold` is shown."""

    coupons: tuple[str, ...] = ()
    tax: str | None = None
    shipping: str | None = None
    discount: str | None = None
    sold_via: str | None = None
    location: str | None = None


_decode = msgspec.json.Decoder(list[dict[str, str]]).decode
_read_fold = msgspec.json.Decoder(_Fold).decode


class Filing:
    """Reads dossiers through one connection; the caller holds the snapshot."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn
        self._reading = Reading(conn)
        self._timeline = Timeline(conn)

    def dossier(self, key: str) -> Dossier | None:
        """All about one customer, or one visitor by `visitor:`."""
        profile = self._reading.profile(key, EVENTS_COUNTED_MAX + 1)
        if profile is None:
            return None
        if read_key(key).kind is Kind.VISITOR:
            visitor = self._visitor(key)
            spans, visitors = [Span(visitor)], [visitor]
            ids: tuple[Linked, ...] = ()
            purchases = self._purchases("visitor", visitor)
            name = email = phone = ""
        else:
            found = self._timeline.customer(read_key(key))
            assert found is not None
            customer, spans = found
            visitors = joined_visitors(spans)
            name, email, phone, known = self._conn.execute(_CALLED, (customer,)).fetchone()
            ids = self._ids(customer, known)
            purchases = self._purchases("customer", customer)
        return Dossier(
            key=profile.key,
            kind=profile.kind,
            name=name,
            email=email,
            phone=phone,
            ids=ids,
            traits=profile.traits,
            first_seen=profile.first_seen,
            last_seen=profile.last_seen,
            events=min(profile.events, EVENTS_COUNTED_MAX + 1),
            devices=devices(self._conn, spans, visitors),
            devices_count=len(visitors),
            claimed=profile.claimed,
            orders=profile.orders,
            money=profile.money,
            purchases=purchases,
            consent=agreed(self._conn, spans),
            withdrawn=withdrawn(self._conn, visitors),
            cart=cart_now(self._conn, spans),
            troubles=last_trouble(self._conn, spans),
            remarks=self._remarks(spans),
            site=self._site(spans),
        )

    def unlinked_at(self, key: str, visitor: str) -> int | None:
        customer = self._reading.customer(key)
        at: int | None = self._conn.execute(_UNLINKED, (pack_id(visitor), customer)).fetchone()[0]
        return at

    def undone_at(self, key: str, id: str) -> int | None:
        at: int | None = self._conn.execute(
            _UNDONE, (self._reading.person(id), self._reading.customer(key))
        ).fetchone()[0]
        return at

    def _visitor(self, key: str) -> int:
        found: int = self._conn.execute(
            "SELECT id FROM visitors WHERE visitor = ?", (pack_id(read_key(key).value),)
        ).fetchone()[0]
        return found

    def _ids(self, customer: int, known: str) -> tuple[Linked, ...]:
        """The key first, then all that is linked with it. `known` is the customer's ids as JSON."""
        members = self._conn.execute(_IDS, (customer, customer)).fetchall()
        strengths = {(each["kind"], each.get("space", ""), each["value"]): each["strength"] for each in _decode(known)}
        return tuple(self._linked(customer, row, strengths) for row in members)

    def _linked(self, customer: int, row: tuple[Any, ...], strengths: dict[tuple[str, str, str], str]) -> Linked:
        person, kind, space, value = row
        word = Kind(kind).word
        linking = None if person == customer else self._conn.execute(_LINKING, (person, customer)).fetchone()
        why, time, evidence = linking or (None, None, None)
        return Linked(
            kind=word,
            value=value,
            key=customer_key(kind, space, value),
            strength=strengths.get((word, space, value), Trust.CLAIMED.word),
            why=None if why is None else Why(why).word,
            time=time,
            evidence=evidence,
        )

    def _purchases(self, of: str, whose: int) -> tuple[Purchase, ...]:
        rows = self._conn.execute(_PURCHASES.format(of=of), (whose, PURCHASES_MAX))
        return tuple(_purchase(row) for row in rows)

    def _remarks(self, spans: list[Span]) -> tuple[Moment, ...]:
        found = [
            (time, seq, span)
            for span in spans
            for time, seq in self._conn.execute(_REMARKS, (span.subject, *times_of(span), REMARKS_MAX))
        ]
        newest_first = sorted(found, key=lambda each: -each[0])[: 2 * REMARKS_MAX]
        return moments(row for _, row, _ in self._timeline.fitting(Found(newest_first, None))[:REMARKS_MAX])

    def _site(self, spans: list[Span]) -> str:
        """Where the newest event was."""
        found = newest(self._conn, spans, 1)
        row = found.events and self._conn.execute(_SITE, (found.events[0][1],)).fetchone()
        return row[0] if row else ""


def _purchase(row: tuple[Any, ...]) -> Purchase:
    site, order_id, confirmed, status, time, currency, total, refunded, fold, lines = row
    told = _read_fold(fold)
    return Purchase(
        site=site,
        order_id=order_id,
        confirmed=bool(confirmed),
        status=status,
        time=time,
        currency=currency,
        total=total,
        refunded=refunded,
        tax=told.tax,
        shipping=told.shipping,
        discount=told.discount,
        coupons=told.coupons,
        lines=read_lines(lines),
        sold_via=told.sold_via,
        location=told.location,
    )
