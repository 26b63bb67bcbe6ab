"""Erasure: everything of one customer leaves the log, its dictionaries and the quarantine.

What enters: a customer and the moment. What leaves: a receipt of counts, and what must be derived anew. Behind it stays
an anonymous fence on each device, so that nobody inherits what was between. Links of browser strength are not followed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from hashlib import blake2b
from itertools import groupby

import msgspec
from msgspec import Struct

from collector.event import Trust
from collector.store import Receipt
from collector.store.keys import customer_key
from collector.store.sqlite.dictionary import unpack_id
from collector.store.sqlite.scanning import ALWAYS, Span
from collector.store.sqlite.timeline import Timeline

_MEMBERS = "SELECT id FROM persons WHERE customer = ?"
_OF_SPAN = "SELECT seq, time, mid, trust FROM events WHERE subject = ? AND time BETWEEN ? AND ?"
# No index leads from a person to every call that names it: one pass over the log, once an erasure.
_NAMING = """
SELECT seq FROM events WHERE user IN (SELECT value FROM json_each(?1)) OR email IN (SELECT value FROM json_each(?1))
"""
_VISITORS = "SELECT DISTINCT subject FROM events WHERE subject > 0 AND seq IN (SELECT value FROM json_each(?))"
_NAMED = "SELECT user FROM events WHERE user IS NOT NULL UNION SELECT email FROM events WHERE email IS NOT NULL"
# What was said of the customer's orders without naming anybody, where no call names somebody else.
_OF_ORDERS = """
SELECT order_calls.seq FROM orders JOIN order_calls USING (site, order_id) JOIN events ON events.seq = order_calls.seq
WHERE orders.customer = ?1 AND events.subject = 0 AND NOT EXISTS (
    SELECT 1 FROM order_calls AS other JOIN events AS naming ON naming.seq = other.seq
    WHERE other.site = orders.site AND other.order_id = orders.order_id
      AND coalesce(naming.user, naming.email) NOT IN (SELECT value FROM json_each(?2)))
"""
_ABOUT = "SELECT DISTINCT site, order_id FROM order_calls WHERE seq IN (SELECT value FROM json_each(?))"
# Whose spans on a device remain: nothing that lies before their first event may become theirs by an erasure.
_OTHERS = "SELECT from_time FROM tenancies WHERE visitor = ? AND customer <> ? AND deleted = 0"
_QUARANTINED = "DELETE FROM quarantine WHERE instr(raw, CAST(? AS BLOB)) > 0"
_DICTIONARIES = {"pages": "page", "referrers": "referrer", "campaigns": "campaign", "setups": "setup"}


class Erased(Struct, frozen=True):
    """What was taken out, and what of the rest must be derived anew."""

    receipt: Receipt
    persons: frozenset[int]
    visitors: frozenset[int]
    orders: frozenset[tuple[int, str]]
    words: dict[str, list[int]]


class Eraser:
    """Erases within the caller's transaction. First `erase`, then everything is derived anew, then `sweep`."""

    def __init__(self, conn: sqlite3.Connection, hash_key: bytes, leaving: Callable[[list[int]], None]) -> None:
        """`leaving` is told which events go, while they are still there."""
        self._conn, self._hash_key, self._leaving = conn, hash_key, leaving

    def erase(self, asked: int, customer: int, followed: frozenset[int], at: int) -> Erased:
        """Take out all that is of the person `asked` or names one of `followed`, the ids that are surely the same."""
        ids = msgspec.json.encode(sorted(followed)).decode()
        spans = Timeline(self._conn).spans_claimed_by(customer, ids)
        seqs = self._seqs(customer, ids, spans)
        self._leaving(seqs)
        chosen = msgspec.json.encode(seqs).decode()
        visitors = frozenset(visitor for (visitor,) in self._conn.execute(_VISITORS, (chosen,)))
        for span in spans:
            self._fence(span, customer, at)
        persons = frozenset(person for (person,) in self._conn.execute(_MEMBERS, (customer,)))
        erased = Erased(
            receipt=Receipt(
                hash=self._hash(asked),
                events=len(seqs),
                visitors=len(visitors),
                quarantined=self._erase_quarantined(followed, visitors),
            ),
            persons=persons | followed,
            visitors=visitors,
            orders=frozenset((site, order_id) for site, order_id in self._conn.execute(_ABOUT, (chosen,))),
            words={table: self._words(column, chosen) for table, column in _DICTIONARIES.items()},
        )
        for table in ("claims", "links", "order_calls", "mids", "events"):
            self._conn.execute(f"DELETE FROM {table} WHERE seq IN (SELECT value FROM json_each(?))", (chosen,))
        for person in followed:
            self._conn.execute("DELETE FROM traits WHERE person = ?", (person,))
        self._conn.execute(
            "INSERT INTO erasures (time, customer_hash, events, seqs) VALUES (?, ?, ?, ?)",
            (at, erased.receipt.hash, len(seqs), msgspec.json.encode(_ranges(seqs)).decode()),
        )
        return erased

    def sweep(self, erased: Erased) -> None:
        """When everything was derived anew: take out what nothing refers to any more."""
        named = {person for (person,) in self._conn.execute(_NAMED)}
        for person in erased.persons - named:
            self._conn.execute("DELETE FROM traits WHERE person = ?", (person,))
            self._conn.execute("DELETE FROM customers WHERE customer = ?", (person,))
            self._conn.execute("DELETE FROM persons WHERE id = ?", (person,))
        for site, order_id in erased.orders:
            gone = "SELECT 1 FROM orders WHERE site = ? AND order_id = ? AND deleted = 1"
            if self._conn.execute(gone, (site, order_id)).fetchone():
                for table in ("orders", "order_lines"):
                    self._conn.execute(f"DELETE FROM {table} WHERE site = ? AND order_id = ?", (site, order_id))
        for visitor in erased.visitors:
            self._sweep_visitor(visitor)
        for table, ids in erased.words.items():
            self._sweep_words(table, _DICTIONARIES[table], ids)

    def _seqs(self, customer: int, ids: str, spans: list[Span]) -> list[int]:
        seqs = {seq for span in spans for seq in self._in_span(span)}
        seqs.update(seq for (seq,) in self._conn.execute(_OF_ORDERS, (customer, ids)))
        seqs.update(seq for (seq,) in self._conn.execute(_NAMING, (ids,)))
        return sorted(seqs)

    def _in_span(self, span: Span) -> Iterable[int]:
        low = -ALWAYS if span.start is None else span.start[0]
        high = ALWAYS if span.end is None else span.end[0]
        for seq, time, mid, trust in self._conn.execute(_OF_SPAN, (span.subject, low, high)):
            if span.holds((time, unpack_id(mid), int(trust == Trust.SERVER))):
                yield seq

    def _fence(self, span: Span, customer: int, at: int) -> None:
        """No later log-in reaches back over what was this customer's, nor into what was nobody's beside it."""
        times = {at if span.end is None else span.end[0] - 1}
        times |= {time - 1 for (time,) in self._conn.execute(_OTHERS, (span.subject, customer))}
        fences = [(span.subject, time) for time in times]
        self._conn.executemany("INSERT OR IGNORE INTO fences (visitor, time) VALUES (?, ?)", fences)

    def _words(self, column: str, chosen: str) -> list[int]:
        rows = self._conn.execute(
            f"SELECT DISTINCT {column} FROM events WHERE {column} IS NOT NULL"
            " AND seq IN (SELECT value FROM json_each(?))",
            (chosen,),
        )
        return [id for (id,) in rows]

    def _erase_quarantined(self, persons: Iterable[int], visitors: Iterable[int]) -> int:
        """Refused calls that name one of the ids: the store is small, each is searched."""
        named = [self._value("SELECT value FROM persons WHERE id = ?", person) for person in persons]
        named += [unpack_id(self._value("SELECT visitor FROM visitors WHERE id = ?", visitor)) for visitor in visitors]
        return sum(self._conn.execute(_QUARANTINED, (msgspec.json.encode(value).decode(),)).rowcount for value in named)

    def _value(self, statement: str, id: int) -> str:
        value: str = self._conn.execute(statement, (id,)).fetchone()[0]
        return value

    def _sweep_visitor(self, visitor: int) -> None:
        if self._conn.execute("SELECT 1 FROM events WHERE subject = ? LIMIT 1", (visitor,)).fetchone():
            return
        for table in ("unlinks", "fences", "visits", "tenancies", "claims"):
            self._conn.execute(f"DELETE FROM {table} WHERE visitor = ?", (visitor,))
        self._conn.execute("DELETE FROM visitors WHERE id = ?", (visitor,))

    def _sweep_words(self, table: str, column: str, ids: list[int]) -> None:
        chosen = msgspec.json.encode(ids).decode()
        used = {
            id
            for (id,) in self._conn.execute(
                f"SELECT DISTINCT {column} FROM events WHERE {column} IN (SELECT value FROM json_each(?))", (chosen,)
            )
        }
        if table == "campaigns":
            used |= {id for (id,) in self._conn.execute("SELECT DISTINCT campaign FROM visits")}
        unused = [(id,) for id in ids if id not in used]
        self._conn.executemany(f"DELETE FROM {table} WHERE id = ?", unused)

    def _hash(self, customer: int) -> str:
        row = self._conn.execute("SELECT kind, space, value FROM persons WHERE id = ?", (customer,)).fetchone()
        return blake2b(customer_key(*row).encode(), digest_size=16, key=self._hash_key).hexdigest()


def _ranges(seqs: list[int]) -> list[tuple[int, int]]:
    """Sorted numbers as closed ranges."""
    runs = [list(run) for _, run in groupby(enumerate(seqs), lambda each: each[1] - each[0])]
    return [(run[0][1], run[-1][1]) for run in runs]
