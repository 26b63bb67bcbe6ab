"""What an erasure takes out: the events of one customer, of one visitor, or of those who were erased after a backup.

What enters: a key, or tombstones. What leaves: events, ids and stretches of devices. It only reads, so that somebody
else than the writer may look first (`survey`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from hashlib import blake2b

import msgspec
from msgspec import Struct

from collector.errors import NotFound
from collector.event import Trust
from collector.store.keys import Kind, customer_key, read_key
from collector.store.sqlite.dictionary import Dictionaries, pack_id, unpack_id
from collector.store.sqlite.facts import Facts
from collector.store.sqlite.graveyard import Erasure
from collector.store.sqlite.people import People
from collector.store.sqlite.reading import Reading
from collector.store.sqlite.scanning import ALWAYS, Span
from collector.store.sqlite.timeline import Timeline
from collector.store.sqlite.tombstones import Hashes
from collector.store.sqlite.usage import DICTIONARIES, PERSONS, Usage, surveyed

_MEMBERS = "SELECT id FROM persons WHERE customer = ?"
_LAST = "SELECT coalesce(max(seq), 0) FROM events"
_OF_SPAN = "SELECT seq, time, mid, trust FROM events WHERE subject = ? AND time BETWEEN ? AND ?"
# No index leads from a person to every call that names it: one pass over the log, once an erasure.
_NAMING = """
SELECT seq FROM events
WHERE seq > ?2 AND (user IN (SELECT value FROM json_each(?1)) OR email IN (SELECT value FROM json_each(?1)))
"""
# What was said of the customer's orders without naming anybody, where no call names somebody else.
_OF_ORDERS = """
SELECT order_calls.seq FROM orders JOIN order_calls USING (site, order_id) JOIN events ON events.seq = order_calls.seq
WHERE orders.customer = ?1 AND events.subject = 0 AND NOT EXISTS (
    SELECT 1 FROM order_calls AS other JOIN events AS naming ON naming.seq = other.seq
    WHERE other.site = orders.site AND other.order_id = orders.order_id
      AND coalesce(naming.user, naming.email) NOT IN (SELECT value FROM json_each(?2)))
"""
_FIRST_SPAN = "SELECT min(from_time) FROM tenancies WHERE visitor = ? AND deleted = 0"
_CHOSEN = "seq IN (SELECT value FROM json_each(?))"
_USED = f"SELECT {', '.join((*DICTIONARIES, *PERSONS))} FROM events WHERE {_CHOSEN}"
_ALL_MESSAGES = "SELECT seq, sites.name, trust, mid FROM events JOIN sites ON sites.id = events.site"


class Hole(Struct, frozen=True):
    """A stretch of a device that is emptied, both ends included; with a `site`, only of what it told that one."""

    visitor: int
    start: int
    end: int
    site: str | None = None


class Chosen(Struct, frozen=True):
    """What goes. `persons` may be nobody's afterwards; `followed` are surely the customer's. Of each erasure its time,
    the receipt's hash and its seqs."""

    seqs: list[int]
    customers: frozenset[int]
    persons: frozenset[int]
    followed: frozenset[int]
    holes: list[Hole]
    erasures: list[tuple[int, str, list[int]]]


class Survey(Struct, frozen=True):
    """What a look through the log found before the writer's turn came: calls up to `upto` that name the persons."""

    upto: int
    persons: frozenset[int]
    naming: list[int]
    usage: Usage


NOT_SURVEYED = Survey(0, frozenset(), [], Usage())


class Choosing:
    """Chooses through one connection, which sees one state of the file."""

    def __init__(self, conn: sqlite3.Connection, hash_key: bytes) -> None:
        self._conn, self._hash_key = conn, hash_key
        self._people = People(conn, Facts(conn), Dictionaries(conn))

    def choose(self, key: str, at: int, survey: Survey = NOT_SURVEYED) -> Chosen:
        """What is this customer's, or this visitor's. Raises NotFound."""
        if read_key(key).kind is Kind.VISITOR:
            return self._of_visitor(key, at)
        customer = Reading(self._conn).customer(key)
        if customer is None:
            raise NotFound(f"there is no customer {key}")
        asked = Reading(self._conn).person(key) or customer
        followed = self._people.surely_one_with(asked, customer)
        ids = _json(followed)
        spans = Timeline(self._conn).spans_claimed_by(customer, ids)
        seqs = {seq for span in spans for seq in self._in_span(span)}
        seqs.update(seq for (seq,) in self._conn.execute(_OF_ORDERS, (customer, ids)))
        known = survey if survey.persons == followed else NOT_SURVEYED
        seqs.update(known.naming)
        seqs.update(seq for (seq,) in self._conn.execute(_NAMING, (ids, known.upto)))
        persons = frozenset(person for (person,) in self._conn.execute(_MEMBERS, (customer,)))
        return Chosen(
            seqs=sorted(seqs),
            customers=frozenset({customer}),
            persons=persons | followed,
            followed=followed,
            holes=[self._hole(span, at) for span in spans],
            erasures=[(at, self._hash(asked), sorted(seqs))],
        )

    def survey(self, key: str, at: int) -> Survey:
        """The slow part of `choose` and of what follows it, for whoever can take their time."""
        upto = self._conn.execute(_LAST).fetchone()[0]
        chosen = self.choose(key, at)
        naming = {seq for (seq,) in self._conn.execute(_NAMING, (_json(chosen.followed), 0))}
        wanted: dict[str, set[int]] = {column: set() for column in DICTIONARIES}
        persons = set(chosen.persons)
        for row in self._conn.execute(_USED, (_json(chosen.seqs),)):
            for column, id in zip(DICTIONARIES, row, strict=False):
                wanted[column] |= {id} - {None}
            persons |= {*row[len(DICTIONARIES) :]} - {None}
        wanted |= dict.fromkeys(PERSONS, persons)
        return Survey(upto, chosen.followed, sorted(naming), surveyed(self._conn, upto, wanted, _json(chosen.seqs)))

    def choose_again(self, erasures: Iterable[Erasure], hashes: Hashes) -> Chosen:
        """What of those who were erased after a backup the backup still holds."""
        of_hash = {hash: one for one in erasures for hash, _, _ in one.tombstones}
        seqs_of: dict[str, list[int]] = {}
        for seq, site, trust, mid in self._conn.execute(_ALL_MESSAGES):
            found = of_hash.get(hashes.message(site, trust == Trust.SERVER, unpack_id(mid)))
            if found:
                seqs_of.setdefault(found.erased, []).append(seq)
        followed = frozenset(
            id
            for id, kind, space, value in self._conn.execute("SELECT id, kind, space, value FROM persons")
            if (hashes.email(value) if kind else hashes.user(space, value)) in of_hash
        )
        spans: dict[int, list[tuple[int, int]]] = {}
        for one in erasures:
            for hash, start, end in one.tombstones:
                spans.setdefault(hash, []).append((start, end))
        holes = [
            Hole(id, start, end)
            for id, stored in self._conn.execute("SELECT id, visitor FROM visitors")
            for start, end in spans.get(hashes.visitor(unpack_id(stored)), ())
        ]
        holes += [
            Hole(id, start, end, site)
            for (site,) in self._conn.execute("SELECT name FROM sites").fetchall()
            for id, stored in self._conn.execute("SELECT id, visitor FROM visitors")
            for start, end in spans.get(hashes.browser(site, unpack_id(stored)), ())
        ]
        customers = frozenset(filter(None, map(self._people.customer_of, followed)))
        return Chosen(
            seqs=sorted(seq for some in seqs_of.values() for seq in some),
            customers=customers,
            persons=followed,
            followed=followed,
            holes=holes,
            erasures=[(one.time, one.erased, sorted(seqs_of.get(one.erased, []))) for one in erasures],
        )

    def _of_visitor(self, key: str, at: int) -> Chosen:
        value = read_key(key).value
        row = self._conn.execute("SELECT id FROM visitors WHERE visitor = ?", (pack_id(value),)).fetchone()
        seqs = (
            [seq for (seq,) in self._conn.execute("SELECT seq FROM events WHERE subject = ?", row or (0,))]
            if row
            else []
        )
        if not seqs:
            raise NotFound(f"there is no visitor {value}")
        whole = [(at, hash_of(customer_key(Kind.VISITOR, "", value), self._hash_key), sorted(seqs))]
        nobody: frozenset[int] = frozenset()
        return Chosen(sorted(seqs), nobody, nobody, nobody, [Hole(row[0], -ALWAYS, at)], whole)

    def _in_span(self, span: Span) -> Iterable[int]:
        low = -ALWAYS if span.start is None else span.start[0]
        high = ALWAYS if span.end is None else span.end[0]
        for seq, time, mid, trust in self._conn.execute(_OF_SPAN, (span.subject, low, high)):
            if span.holds((time, unpack_id(mid), int(trust == Trust.SERVER))):
                yield seq

    def _hole(self, span: Span, at: int) -> Hole:
        """What comes late from before a device's first customer would have been theirs too."""
        start = -ALWAYS if span.start is None else span.start[0]
        if start == self._conn.execute(_FIRST_SPAN, (span.subject,)).fetchone()[0]:
            start = -ALWAYS
        return Hole(span.subject, start, at if span.end is None else span.end[0] - 1)

    def _hash(self, person: int) -> str:
        row = self._conn.execute("SELECT kind, space, value FROM persons WHERE id = ?", (person,)).fetchone()
        return hash_of(customer_key(*row), self._hash_key)


def hash_of(key: str, hash_key: bytes) -> str:
    """A key as a receipt has it."""
    return blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16, key=hash_key).hexdigest()


def _json(ids: Iterable[int]) -> str:
    return msgspec.json.encode(sorted(ids)).decode()
