"""The customers projection: ids, traits, spans and orders of one customer -> its row of `customers`.

What enters: a customer (the person whose key it bears). What leaves: its row, written where it differs, or marked
deleted where nobody bears the key any more. It decides nothing about who is who.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from collector.event import Trust
from collector.identity import START
from collector.store.sqlite.dictionary import EMAIL, unpack_id
from collector.store.sqlite.facts import Facts
from collector.store.sqlite.feed import Revisions
from collector.store.sqlite.finding import keep_found
from collector.store.sqlite.ordering import add_up
from collector.store.sqlite.people import People
from collector.store.sqlite.subscribing import marketing
from collector.store.sqlite.tenure import Lost
from collector.visits import Key

STRENGTHS = {trust.word: int(trust) for trust in Trust}
# Index persons_customer.
_IDS = "SELECT id, kind, space, value FROM persons WHERE customer = ? ORDER BY id = ? DESC, kind, value, space"
_TRAITS = "SELECT name, value, strength, time FROM traits WHERE person = ?"
# One step down the index tenancies_customer for each visitor.
_VISITORS = """
WITH RECURSIVE held(visitor) AS (
    SELECT (SELECT visitor FROM tenancies INDEXED BY tenancies_customer WHERE customer = ?1 ORDER BY visitor LIMIT 1)
    UNION ALL SELECT (SELECT visitor FROM tenancies INDEXED BY tenancies_customer
                      WHERE customer = ?1 AND visitor > held.visitor ORDER BY visitor LIMIT 1)
    FROM held WHERE held.visitor IS NOT NULL)
SELECT visitor FROM held WHERE visitor IS NOT NULL
"""
# The same index, from either end of a visitor's spans.
_SPANS = """
SELECT start.time, start.mid, start.trust, stop.time, stop.mid, stop.trust
FROM tenancies INDEXED BY tenancies_customer JOIN events AS start ON start.seq = tenancies.from_seq
LEFT JOIN events AS stop ON stop.seq = tenancies.to_seq
WHERE tenancies.customer = ? AND tenancies.visitor = ? AND tenancies.deleted = 0 ORDER BY tenancies.n
"""
_SPANS_BACKWARD = f"{_SPANS} DESC"
# Indexes claims_user and claims_email from their ends; acts 1 and 3 are log-ins.
_STRONGEST = """
SELECT max(strength) FROM (
    SELECT (SELECT max(strength) FROM claims WHERE user = ?1 AND act = log_ins.value) AS strength
    FROM json_each('[1, 3]') AS log_ins
    UNION ALL SELECT (SELECT max(strength) FROM claims WHERE email = ?1 AND user IS NULL AND act = log_ins.value)
    FROM json_each('[1, 3]') AS log_ins
    UNION ALL SELECT CASE WHEN EXISTS (SELECT 1 FROM events WHERE subject = -?1 AND trust = 3) THEN 3
                     ELSE (SELECT max(trust) FROM events WHERE subject = -?1) END)
"""
_ROW = """
SELECT kind, ids, traits, money, name, email, phone, first_seen, last_seen, orders, unconfirmed, first_order,
       last_order, marketing, deleted
FROM customers WHERE customer = ?
"""
_PUT = """
INSERT OR REPLACE INTO customers
    (customer, kind, ids, traits, money, name, email, phone, first_seen, last_seen, orders, unconfirmed, first_order,
     last_order, marketing, deleted, rev)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
# A row that is gone says nothing of the person any more.
_DROP = """
UPDATE customers SET deleted = 1, rev = ?, ids = '[]', traits = '{}', money = '[]', name = '', email = '', phone = '',
    first_seen = NULL, last_seen = NULL, orders = 0, unconfirmed = 0, first_order = NULL, last_order = NULL,
    marketing = '[]'
WHERE customer = ? AND deleted = 0
"""
_HAS_SPAN = "SELECT 1 FROM tenancies WHERE customer = ? AND deleted = 0 LIMIT 1"
_NAMED = """
SELECT 1 FROM claims WHERE (user = ?1 OR (email = ?1 AND user IS NULL)) AND act = 1
UNION ALL SELECT 1 FROM events WHERE subject = -?1 LIMIT 1
"""
_STOOD = "SELECT first_seen, last_seen FROM customers WHERE customer = ? AND deleted = 0"
_SEEN = """
UPDATE customers
SET first_seen = min(coalesce(first_seen, ?1), ?1), last_seen = max(coalesce(last_seen, ?2), ?2), rev = ?3
WHERE customer = ?4 AND (first_seen IS NULL OR first_seen > ?1 OR last_seen IS NULL OR last_seen < ?2)
"""


class Change(NamedTuple):
    """What a step changed of a customer's: visitors of whom they may have more or less, what of these they may have
    `lost`, when they were `seen` by others, and up to which event of the log the former row can tell of."""

    visitors: list[int]
    lost: list[Lost]
    seen: list[int]
    told_upto: int


class Portraits:
    """Keeps `customers` up to what it is made of, within the caller's transaction."""

    def __init__(self, conn: sqlite3.Connection, facts: Facts, people: People) -> None:
        self._conn, self._facts, self._people = conn, facts, people

    def seen(self, customer: int, first: int, last: int, revisions: Revisions) -> None:
        """A known customer did something more, within these times."""
        self._conn.execute(_SEEN, (first, last, revisions.next(), customer))

    def draw(self, customer: int, change: Change | None, revisions: Revisions) -> None:
        """Make a customer's row anew and write it where it differs.

        `change` spares looking through all their visitors, of whom there may be very many; None: anything may be gone.
        """
        members = self._conn.execute(_IDS, (customer, customer)).fetchall()
        traits = self._traits([person for person, *_ in members])
        total = add_up(self._conn, customer)
        first_seen, last_seen = self._seen([person for person, *_ in members], customer, change)
        if not (len(members) > 1 or traits or total.orders or self._is_known(customer, members)):
            keep_found(self._conn, customer, "", "", "[]", "[]")
            self._conn.execute(_DROP, (revisions.next(), customer))
            return
        ids = self._ids(customer, members)
        told = msgspec.json.encode(ids).decode()
        row = (
            ("prospect", "buyer", "repeat")[min(total.orders, 2)],
            _stored(members, ids),
            msgspec.json.encode(traits).decode(),
            msgspec.json.encode(total.money).decode(),
            _name(traits),
            next((value for _, kind, _, value in members if kind == EMAIL), _word(traits, "email")),
            _word(traits, "phone"),
            first_seen,
            last_seen,
            total.orders,
            total.unconfirmed,
            total.first,
            total.last,
            marketing(self._conn, self._surely(members, ids)),
            0,
        )
        standing = self._conn.execute(_ROW, (customer,)).fetchone()
        if standing != row:
            if standing is None or standing[-1] or found_by(standing) != found_by(row):
                name, phone, _, money = found_by(row)
                keep_found(self._conn, customer, name, phone, told, money)
            self._conn.execute(_PUT, (customer, *row, revisions.next()))

    def _is_known(self, customer: int, members: list[tuple[Any, ...]]) -> bool:
        """Whether a span, a log-in or a call names one of these; an address that counted for nothing is no customer."""
        if self._conn.execute(_HAS_SPAN, (customer,)).fetchone():
            return True
        return any(self._conn.execute(_NAMED, (person,)).fetchone() for person, *_ in members)

    def _ids(self, customer: int, members: list[tuple[Any, ...]]) -> list[dict[str, str]]:
        strengths = self._people.strengths([person for person, *_ in members if person != customer])
        ids = []
        for person, kind, space, value in members:
            if person == customer:
                known = self._conn.execute(_STRONGEST, (person,)).fetchone()[0]
                word = Trust(known or Trust.BROWSER).word
            else:
                # A browser's word that two ids are one is only ever a claim.
                linked = strengths.get(person, Trust.SERVER)
                word = Trust(linked).word if linked > Trust.BROWSER else Trust.CLAIMED.word
            known_as = {"kind": "email" if kind == EMAIL else "user", "value": value, "strength": word}
            ids.append({**known_as, "space": space} if space else known_as)
        return ids

    def _surely(self, members: list[tuple[Any, ...]], ids: list[dict[str, str]]) -> list[tuple[int, int, str]]:
        """The key, and the ids that are linked with it by more than a browser's word."""
        return [
            (person, kind, value)
            for at, ((person, kind, _, value), known) in enumerate(zip(members, ids, strict=True))
            if at == 0 or known["strength"] != Trust.CLAIMED.word
        ]

    def _traits(self, persons: list[int]) -> dict[str, Any]:
        best: dict[str, tuple[Any, ...]] = {}
        for person in persons:
            for name, value, strength, time in self._conn.execute(_TRAITS, (person,)):
                rank = (strength, time, person == persons[0], value)
                if name not in best or rank > best[name][0]:
                    best[name] = (rank, value)
        decoded = {name: msgspec.json.decode(value) for name, (_, value) in sorted(best.items())}
        return {name: value for name, value in decoded.items() if value is not None}

    def _seen(self, persons: list[int], customer: int, change: Change | None) -> tuple[int | None, int | None]:
        times = [each for person in persons for each in self._bounds(-person, None) or ()]
        stood = change and self._conn.execute(_STOOD, (customer,)).fetchone()
        if change is not None and stood is not None and None not in stood:
            now = [*times, *change.seen, *self._times(customer, change.visitors)]
            if self._keeps(stood, change, now):
                return min([stood[0], *now]), max([stood[1], *now])
        visitors = [visitor for (visitor,) in self._conn.execute(_VISITORS, (customer,))]
        times += self._times(customer, visitors)
        return min(times, default=None), max(times, default=None)

    def _keeps(self, stood: tuple[int, int], change: Change, now: list[int]) -> bool:
        """Whether what a customer may have lost is neither the first nor the last of theirs, or is made good."""
        first, last = stood
        if min(now, default=first + 1) > first and any(lost.first <= first for lost in change.lost):
            return False
        return max(now, default=last - 1) >= last or all(
            self._until(lost, change.told_upto) < last for lost in change.lost
        )

    def _until(self, lost: Lost, told_upto: int) -> int:
        if lost.last is not None:
            return lost.last
        found = self._facts.last_taken_in(lost.visitor, told_upto)
        return found[0] if found else 0

    def _times(self, customer: int, visitors: Iterable[int]) -> Iterator[int]:
        """When these were there as the customer, first and last."""
        for visitor in visitors:
            # Spans are apart from each other: the first one that holds anything has the first, the last one the last.
            for spans, at in ((_SPANS, 0), (_SPANS_BACKWARD, 1)):
                bounds = (self._bounds(visitor, row) for row in self._conn.execute(spans, (customer, visitor)))
                found = next((each for each in bounds if each is not None), None)
                if found is not None:
                    yield found[at]

    def _bounds(self, subject: int, span: tuple[Any, ...] | None) -> tuple[int, int] | None:
        """When a person first and last took part in a span (None: a whole timeline); None: never."""
        start = START if span is None else _key(*span[:3])
        end = None if span is None or span[3] is None else _key(*span[3:])
        first = self._facts.first_seen_from(subject, start)
        last = self._facts.last_before(subject, end)
        if first is None or last is None or first[0] > last[0]:
            return None
        return first[0][0], last[0][0]


def found_by(row: tuple[Any, ...]) -> tuple[str, str, str, str]:
    """Name, phone, ids and money of a row: what a customer is found by, and sorted by."""
    _, ids, _, money, name, _, phone, *_ = row
    return name, phone, ids, money


def _stored(members: list[tuple[Any, ...]], ids: list[dict[str, str]]) -> str:
    """The ids as they are stored (ids.py)."""
    pairs = zip(members, ids, strict=True)
    return msgspec.json.encode([(person, STRENGTHS[known["strength"]]) for (person, *_), known in pairs]).decode()


def _key(time: int, mid: Any, trust: int) -> Key:
    return time, unpack_id(mid), int(trust == Trust.SERVER)


def _word(traits: dict[str, Any], name: str) -> str:
    value = traits.get(name)
    return value if isinstance(value, str) else ""


def _name(traits: dict[str, Any]) -> str:
    whole = _word(traits, "name")
    if whole:
        return whole
    first = _word(traits, "first_name") or _word(traits, "firstName")
    last = _word(traits, "last_name") or _word(traits, "lastName")
    return f"{first} {last}".strip()
