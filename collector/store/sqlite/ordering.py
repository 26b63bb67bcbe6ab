"""The orders projection: all calls about one order -> rows of `orders` and `order_lines`, and story 15's claims.

What enters: facts that speak of orders. What leaves: rows changed, with their revision, and the visitors and customers
that a change touches. Folding is `collector.orders`' affair.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Literal, NamedTuple

import msgspec

from collector.event import Trust
from collector.identity import Act, Why
from collector.orders import Line, Order, OrderCall, Refund, fold, match, order_id_of
from collector.properties import exact_properties
from collector.store.sqlite.facts import Fact, Facts
from collector.store.sqlite.feed import Revisions
from collector.store.sqlite.overview_counting import Counting, Sold
from collector.visits import Key

Reference = tuple[int, str]
Row = tuple[Any, ...]

_ADD_CALL = "INSERT OR IGNORE INTO order_calls (site, order_id, seq) VALUES (?, ?, ?)"
# What the back end says without naming anybody is whose the order is.
_TOLD = "DELETE FROM order_told WHERE site = ? AND order_id = ?"
_TELL = """
INSERT INTO order_told (customer, time, seq, name, site, order_id)
SELECT ?1, events.time, events.seq, events.name, ?2, ?3
FROM order_calls CROSS JOIN events ON events.seq = order_calls.seq
WHERE order_calls.site = ?2 AND order_calls.order_id = ?3 AND events.subject = 0 AND events.trust = 3
"""
_MATCHED = "SELECT act, user, email, strength FROM claims WHERE visitor = ? AND seq = ? AND why = ?"
_DROP_MATCH = "DELETE FROM claims WHERE visitor = ? AND seq = ? AND why = ?"
_ADD_MATCH = """
INSERT OR IGNORE INTO claims (visitor, seq, act, why, user, email, strength) VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_STANDING = """
SELECT customer, visitor, confirmed, status, time, currency, total, refunded, fold, deleted
FROM orders WHERE site = ? AND order_id = ?
"""
_PUT = """
INSERT OR REPLACE INTO orders
    (site, order_id, customer, visitor, confirmed, status, time, currency, total, refunded, fold, deleted, rev)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?)
"""
_DROP = """
UPDATE orders SET deleted = 1, customer = NULL, visitor = NULL, status = '', currency = NULL, total = NULL,
    refunded = NULL, fold = '{}', rev = ?
WHERE site = ? AND order_id = ? AND deleted = 0
"""
_LINES = """
SELECT n, product_id, variant_id, sku, name, quantity, price, discount
FROM order_lines WHERE site = ? AND order_id = ? AND deleted = 0 ORDER BY n
"""
_PUT_LINE = """
INSERT OR REPLACE INTO order_lines
    (site, order_id, n, product_id, variant_id, sku, name, quantity, price, discount, rev, deleted)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)
"""
_DROP_LINES = """
UPDATE order_lines SET deleted = 1, product_id = NULL, variant_id = NULL, sku = NULL, name = NULL, quantity = NULL,
    price = NULL, discount = NULL, rev = ?
WHERE site = ? AND order_id = ? AND n >= ? AND deleted = 0
"""


class Folded(NamedTuple):
    """An order made anew; `anchor` is the key of the call that ties it to a browser, None where none does."""

    order: Order | None
    anchor: Key | None


class _Kept(msgspec.Struct, omit_defaults=True):
    """What of an order has no column of its own."""

    revenue: str | None = None
    tax: str | None = None
    shipping: str | None = None
    discount: str | None = None
    coupons: tuple[str, ...] = ()
    refunds: tuple[Refund, ...] = ()
    sold_via: str | None = None
    location: str | None = None


class Ordering:
    """Keeps `orders` and `order_lines` up to the log, within the caller's transaction."""

    def __init__(self, conn: sqlite3.Connection, facts: Facts, counting: Counting) -> None:
        self._conn, self._facts, self._counting = conn, facts, counting

    def note(self, fact: Fact) -> Reference | None:
        """Take in a call that speaks of an order; returns which."""
        if not fact.properties or '"order' not in fact.properties:
            return None
        order_id = order_id_of(*self._facts.name(fact.name_id), exact_properties(fact.properties))
        if order_id is None:
            return None
        self._conn.execute(_ADD_CALL, (fact.site, order_id, fact.seq))
        return fact.site, order_id

    def refold(self, reference: Reference) -> tuple[Folded, dict[int, set[int]]]:
        """Make an order and its story-15 claim anew.

        Returns it, and the visitors whose tenancies may change, with the events whose claims are others than before.
        """
        calls = self._facts.of_order(*reference)
        order = fold(calls)
        visitors = self._rematch(calls)
        if order is None or order.anchor is None:
            return Folded(order, None), visitors
        anchor = next(call.key for call in calls if call.seq == order.anchor)
        visitors.setdefault(order.visitor, set())
        return Folded(order, anchor), visitors

    def write(
        self,
        reference: Reference,
        folded: Folded,
        resolve: Callable[[int], int | None],
        holder_at: Callable[[int, Key], int | None],
        suppressed: set[int],
        revisions: Revisions,
    ) -> set[int]:
        """Write the order where it differs; returns the customers whose orders changed."""
        standing = self._conn.execute(_STANDING, reference).fetchone()
        former = {standing[0]} if standing and standing[0] is not None else set()
        lines = self._conn.execute(_LINES, reference).fetchall()
        self._conn.execute(_TOLD, reference)
        if folded.order is None:
            self._counting.change_order(_sold(reference[0], standing, lines), None, former)
            self._conn.execute(_DROP, (revisions.next(), *reference))
            self._conn.execute(_DROP_LINES, (revisions.next(), *reference, 0))
            return former
        order = folded.order
        customer = _customer(order, folded.anchor, resolve, holder_at, suppressed)
        if customer is not None:
            self._conn.execute(_TELL, (customer, *reference))
        written = msgspec.json.encode(_kept(order)).decode()
        row = (
            customer,
            order.visitor,
            int(order.confirmed),
            order.status,
            order.time,
            order.currency,
            order.total,
            order.refunded,
            written,
            0,
        )
        told = [(n, *msgspec.structs.astuple(line)) for n, line in enumerate(order.lines)]
        if row == standing and told == lines:
            # Its calls may still say more strongly who the customer is.
            return former
        before, after = _sold(reference[0], standing, lines), _sold(reference[0], row, told)
        self._counting.change_order(before, after, {*former, customer})
        self._conn.execute(_PUT, (*reference, *row[:-1], revisions.next()))
        if told != lines:
            self._write_lines(reference, told, revisions)
        return former | ({customer} if customer is not None else set())

    def _rematch(self, calls: list[OrderCall]) -> dict[int, set[int]]:
        changed: dict[int, set[int]] = defaultdict(set)
        found = match(calls)
        for call in calls:
            if call.visitor is None:
                continue
            match_key = (call.visitor, call.seq, int(Why.ORDER_MATCH))
            told: tuple[Any, ...] | None = None
            if found is not None and found.call.seq == call.seq:
                act = Act.LOG_IN if found.user is not None else Act.ORDER_EMAIL
                told = (int(act), found.user, found.email, int(found.call.trust))
            if self._conn.execute(_MATCHED, match_key).fetchone() != told:
                changed[call.visitor].add(call.seq)
                self._conn.execute(_DROP_MATCH, match_key)
                if told is not None:
                    act_told, *who = told
                    self._conn.execute(_ADD_MATCH, (call.visitor, call.seq, act_told, int(Why.ORDER_MATCH), *who))
        return changed

    def _write_lines(self, reference: Reference, lines: list[Row], revisions: Revisions) -> None:
        for line in lines:
            self._conn.execute(_PUT_LINE, (*reference, *line, revisions.next()))
        self._conn.execute(_DROP_LINES, (revisions.next(), *reference, len(lines)))


def _kept(order: Order) -> _Kept:
    return _Kept(*(getattr(order, name) for name in _Kept.__struct_fields__))


def _sold(site: int, row: Row | None, lines: list[Row]) -> Sold | None:
    """What of a row of _STANDING and its lines counts; None where there is no order."""
    if row is None or row[9] != 0:
        return None
    _, _, confirmed, _, time, currency, total, refunded, _, _ = row
    return site, time, confirmed, currency, total, refunded, tuple(Line(*line) for _, *line in lines)


def _customer(
    order: Order,
    anchor: Key | None,
    resolve: Callable[[int], int | None],
    holder_at: Callable[[int, Key], int | None],
    suppressed: set[int],
) -> int | None:
    """An order stays with the person whom it names; one that names nobody belongs to whom its visitor belonged then.

    A browser's bare address does not name anybody while a user id of that visit held.
    """
    if order.user is not None:
        return resolve(order.user)
    overruled = order.person_trust < Trust.SERVER and order.anchor in suppressed
    if order.email is not None and not overruled:
        return resolve(order.email)
    return None if anchor is None else holder_at(order.visitor, anchor)


class Sum(NamedTuple):
    """A customer's orders, added up."""

    orders: int
    unconfirmed: int
    first: int | None
    last: int | None
    money: list[dict[str, str]]


# Indexes orders_customer and orders_visitor.
_SUMMED = {
    of: f"SELECT confirmed, time, currency, total, refunded FROM orders WHERE {of} = ? AND deleted = 0"
    for of in ("customer", "visitor")
}


def add_up(conn: sqlite3.Connection, whose: int, of: Literal["customer", "visitor"] = "customer") -> Sum:
    """All orders of a customer, or of a visitor; currencies are never added together."""
    rows = conn.execute(_SUMMED[of], (whose,)).fetchall()
    totals: dict[str, list[Decimal]] = {}
    for confirmed, _, currency, total, refunded in rows:
        if total is not None:
            sums = totals.setdefault(currency or "", [Decimal(0)] * 3)
            sums[0] += Decimal(total)
            sums[1] += Decimal(refunded)
            sums[2] += Decimal(0) if confirmed else Decimal(total)
    money = [
        {
            "currency": currency,
            "gross": format(gross, "f"),
            "refunded": format(refunded, "f"),
            "net": format(gross - refunded, "f"),
            "unconfirmed": format(unconfirmed, "f"),
        }
        for currency, (gross, refunded, unconfirmed) in sorted(totals.items())
    ]
    times = [time for _, time, *_ in rows]
    unconfirmed = sum(not confirmed for confirmed, *_ in rows)
    return Sum(len(rows), unconfirmed, min(times, default=None), max(times, default=None), money)
