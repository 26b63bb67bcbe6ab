"""Erasure: everything of one customer, or of one visitor, leaves the log, its dictionaries and the quarantine.

What enters: what is to go and the moment. What leaves: a receipt of counts, and tombstones. Behind it stays an
anonymous fence on each device, so that nobody inherits what was between.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from itertools import groupby

import msgspec
from msgspec import Struct

from collector.event import Trust
from collector.store import Receipt
from collector.store.sqlite import desk, mids
from collector.store.sqlite.choosing import Chosen, Hole
from collector.store.sqlite.consenting import forget_who
from collector.store.sqlite.dictionary import pack_id, unpack_id
from collector.store.sqlite.graveyard import Erasure
from collector.store.sqlite.projection import Projection
from collector.store.sqlite.scanning import ALWAYS
from collector.store.sqlite.tombstones import Tombstone, Tombstones, pieces_of
from collector.store.sqlite.usage import DICTIONARIES, PERSONS, Usage, remember, unused

_CHOSEN = "seq IN (SELECT value FROM json_each(?))"
_VISITORS = f"SELECT DISTINCT subject FROM events WHERE subject > 0 AND {_CHOSEN}"
_NAMED = "SELECT user FROM events WHERE {0} AND user IS NOT NULL UNION SELECT email FROM events WHERE {0} AND email > 0"
_ABOUT = f"SELECT DISTINCT site, order_id FROM order_calls WHERE {_CHOSEN}"
_MESSAGES = f"SELECT sites.name, trust, mid FROM events JOIN sites ON sites.id = events.site WHERE {_CHOSEN}"
# Whose spans on a device remain: nothing that lies before their first event may become theirs by an erasure.
_OTHERS = """
SELECT from_time FROM tenancies
WHERE visitor = ? AND customer NOT IN (SELECT value FROM json_each(?)) AND deleted = 0
"""
_DEPART = """
INSERT INTO departed (visitor, customers) VALUES (?1, 1) ON CONFLICT (visitor) DO UPDATE SET customers = customers + 1
"""
_TRAITS_OF = """
SELECT DISTINCT person FROM traits
WHERE person IN (SELECT value FROM json_each(?)) AND seq IN (SELECT value FROM json_each(?))
"""
# Index events_timeline; primary key of claims.
_VISITOR_IS_TOLD_OF = """
SELECT 1 FROM events WHERE subject = ?1 UNION ALL SELECT 1 FROM claims WHERE visitor = ?1 LIMIT 1
"""
_GONE_FROM = """
UPDATE {0} SET persons = (SELECT json_group_array(value) FROM json_each(persons) WHERE value <> ?1)
WHERE EXISTS (SELECT 1 FROM json_each(persons) WHERE value = ?1)
"""

_ORDER_IS_GONE = """
SELECT sites.name FROM orders JOIN sites ON sites.id = orders.site
WHERE orders.site = ? AND order_id = ? AND orders.deleted = 1
"""


class Erased(Struct, frozen=True):
    """What was taken out, and what of the rest must be derived anew."""

    receipt: Receipt
    persons: frozenset[int]
    visitors: frozenset[int]
    orders: frozenset[tuple[int, str]]
    words: dict[str, set[int]]
    tombstones: list[Tombstone]


class Eraser:
    """Erases within the caller's transaction. First `take_out`, then everything is derived anew, then `sweep`."""

    def __init__(self, conn: sqlite3.Connection, projection: Projection, tombstones: Tombstones) -> None:
        self._conn, self._projection, self._tombstones = conn, projection, tombstones

    def take_out(self, chosen: Chosen, at: int) -> Erased:
        """Take out what was chosen; nothing of the rest has noticed yet."""
        seqs = _json(chosen.seqs)
        visitors = frozenset(visitor for (visitor,) in self._conn.execute(_VISITORS, (seqs,)))
        persons = frozenset(id for (id,) in self._conn.execute(_NAMED.format(_CHOSEN), (seqs, seqs)))
        words = {column: self._words(column, seqs) for column in DICTIONARIES}
        tombstones = [*self._of_messages(seqs), *self._of_persons(chosen.followed, at), *self._of_holes(chosen.holes)]
        self._projection.leave(chosen.seqs)
        for hole in chosen.holes:
            self._fence(hole, chosen.customers)
        if chosen.customers:
            self._depart({hole.visitor for hole in chosen.holes})
        self._tombstones.put(tombstones)
        orders = frozenset((site, order_id) for site, order_id in self._conn.execute(_ABOUT, (seqs,)))
        retold = {id for (id,) in self._conn.execute(_TRAITS_OF, (_json(persons), seqs))}
        mids.take_out(self._conn, seqs)
        for table in ("claims", "links", "order_calls", "subscriptions", "events"):
            self._conn.execute(f"DELETE FROM {table} WHERE {_CHOSEN}", (seqs,))
        self._projection.retell_traits(retold)
        quarantined = self._erase_refused(chosen, visitors)
        erasures = [(time, hash, some) for time, hash, some in chosen.erasures if hash or some]
        told = [(time, hash, len(some), msgspec.json.encode(_ranges(some)).decode()) for time, hash, some in erasures]
        self._forget_who(chosen)
        self._conn.executemany("INSERT INTO erasures (time, customer_hash, events, seqs) VALUES (?, ?, ?, ?)", told)
        receipt = Receipt(
            hash=chosen.erasures[-1][1], events=len(chosen.seqs), visitors=len(visitors), quarantined=quarantined
        )
        return Erased(receipt, persons | chosen.persons, visitors, orders, words, tombstones)

    def sweep(self, erased: Erased, usage: Usage, at: int) -> list[Tombstone]:
        """When everything was derived anew: take out what nothing refers to any more. Returns all tombstones."""
        gone = erased.persons.intersection(*(unused(self._conn, column, erased.persons, usage) for column in PERSONS))
        for person in gone:
            sweep_person(self._conn, person)
        buried = [*erased.tombstones, *self._bury(self._sweep_orders(erased.orders), at)]
        for visitor in erased.visitors:
            sweep_visitor(self._conn, visitor)
        for column, ids in erased.words.items():
            left = unused(self._conn, column, ids, usage)
            if column == "campaign":
                left -= {id for (id,) in self._conn.execute("SELECT DISTINCT campaign FROM visits")}
            self._conn.executemany(f"DELETE FROM {DICTIONARIES[column]} WHERE id = ?", [(id,) for id in left])
        return buried

    def sweep_later(self, erased: Erased) -> list[Tombstone]:
        """As `sweep`, for what no owner asked for: it looks through nothing, and leaves the words for the day's work.

        No order is buried: a browser may name any, and must not keep out what the back end has still to tell of it.
        """
        self._sweep_orders(erased.orders)
        for visitor in erased.visitors:
            sweep_visitor(self._conn, visitor)
        words = {(column, id) for column, ids in erased.words.items() for id in ids}
        remember(self._conn, words | {("person", person) for person in erased.persons})
        return erased.tombstones

    # Tombstones and fences --------------------------------------------------------------------------------------

    def _of_messages(self, seqs: str) -> Iterable[Tombstone]:
        for site, trust, mid in self._conn.execute(_MESSAGES, (seqs,)).fetchall():
            yield self._tombstones.hashes.message(site, trust == Trust.SERVER, unpack_id(mid)), -ALWAYS, ALWAYS

    def _of_persons(self, persons: Iterable[int], at: int) -> Iterable[Tombstone]:
        for person in persons:
            kind, space, value = self._person(person)
            hashes = self._tombstones.hashes
            yield hashes.email(value) if kind else hashes.user(space, value), -ALWAYS, at

    def _of_holes(self, holes: Iterable[Hole]) -> Iterable[Tombstone]:
        for hole in holes:
            if hole.visitor > 0 and hole.start <= hole.end:
                hashes, visitor = self._tombstones.hashes, self._visitor(hole.visitor)
                hash = hashes.visitor(visitor) if hole.site is None else hashes.browser(hole.site, visitor)
                yield hash, hole.start, hole.end

    def _fence(self, hole: Hole, customers: frozenset[int]) -> None:
        """No later log-in reaches back over what was this customer's, nor into what was nobody's beside it."""
        rows = self._conn.execute(_OTHERS, (hole.visitor, _json(customers)))
        fences = [(hole.visitor, time) for time in {hole.end, *(time - 1 for (time,) in rows)}]
        self._conn.executemany("INSERT OR IGNORE INTO fences (visitor, time) VALUES (?, ?)", fences)

    def _depart(self, visitors: Iterable[int]) -> None:
        """A device that many share is no more anybody's own for that one of them is gone."""
        shared = [(visitor,) for visitor in visitors if self._projection.is_shared(visitor)]
        self._conn.executemany(_DEPART, shared)

    def _forget_who(self, chosen: Chosen) -> None:
        """The consent log stays, without a name."""
        emptied = [(pack_id(self._visitor(hole.visitor)), hole.start, hole.end, hole.site) for hole in chosen.holes]
        for _, hash, seqs in chosen.erasures:
            forget_who(self._conn, hash, _json(seqs), [])
        forget_who(self._conn, chosen.erasures[-1][1], "[]", emptied)

    # The quarantine and the bots --------------------------------------------------------------------------------

    def _erase_refused(self, chosen: Chosen, visitors: Iterable[int]) -> int:
        """Refused calls and crawlers that name one of the ids: the stores are small, each entry is searched."""
        after, doomed = 0, list[int]()
        while page := desk.quarantined(self._conn, after, 500):
            after = page[-1].id
            doomed += [page[at].id for at in self._tombstones.refused(page)]
        self._conn.executemany("DELETE FROM quarantine WHERE id = ?", [(id,) for id in doomed])
        ids = {self._person(person)[2] for person in chosen.followed} | {self._visitor(id) for id in visitors}
        named = [
            (id,)
            for id, url, agent in self._conn.execute("SELECT id, url, user_agent FROM bots").fetchall()
            if not ids.isdisjoint({piece.lower() for piece in pieces_of(url)} | pieces_of(url) | pieces_of(agent))
        ]
        self._conn.executemany("DELETE FROM bots WHERE id = ?", named)
        return len(doomed)

    # What nothing refers to any more ----------------------------------------------------------------------------

    def _words(self, column: str, seqs: str) -> set[int]:
        rows = self._conn.execute(f"SELECT DISTINCT {column} FROM events WHERE {column} > 0 AND {_CHOSEN}", (seqs,))
        return {id for (id,) in rows}

    def _sweep_orders(self, orders: Iterable[tuple[int, str]]) -> list[tuple[str, str]]:
        """Those of which nothing is told any more, each with the name of its site."""
        gone: list[tuple[str, str]] = []
        for site, order_id in orders:
            if name := self._conn.execute(_ORDER_IS_GONE, (site, order_id)).fetchone():
                gone.append((name[0], order_id))
                for table in ("orders", "order_lines"):
                    self._conn.execute(f"DELETE FROM {table} WHERE site = ? AND order_id = ?", (site, order_id))
        return gone

    def _bury(self, orders: Iterable[tuple[str, str]], at: int) -> list[Tombstone]:
        buried = [(self._tombstones.hashes.order(site, order_id), -ALWAYS, at) for site, order_id in orders]
        self._tombstones.put(buried)
        return buried

    def _person(self, person: int) -> tuple[int, str, str]:
        row: tuple[int, str, str] = self._conn.execute(
            "SELECT kind, space, value FROM persons WHERE id = ?", (person,)
        ).fetchone()
        return row

    def _visitor(self, visitor: int) -> str:
        return unpack_id(self._conn.execute("SELECT visitor FROM visitors WHERE id = ?", (visitor,)).fetchone()[0])


def sweep_person(conn: sqlite3.Connection, person: int) -> None:
    """The number of a row that is gone may come again: nothing may still speak of it."""
    for table in ("unlinks", "link_undos"):
        conn.execute(_GONE_FROM.format(table), (person,))
    conn.execute("DELETE FROM link_undos WHERE person = ? OR persons = '[]'", (person,))
    for table, column in (
        ("traits", "person"),
        ("subscriptions", "person"),
        ("customers", "customer"),
        ("persons", "id"),
    ):
        conn.execute(f"DELETE FROM {table} WHERE {column} = ?", (person,))


def sweep_visitor(conn: sqlite3.Connection, visitor: int) -> None:
    """Takes a visitor out of whom no event is left, and whom no call of somebody else's claims."""
    if conn.execute(_VISITOR_IS_TOLD_OF, (visitor,)).fetchone():
        return
    for table in ("unlinks", "fences", "visits", "tenancies", "tenancy_sets", "departed"):
        conn.execute(f"DELETE FROM {table} WHERE visitor = ?", (visitor,))
    conn.execute("DELETE FROM visitors WHERE id = ?", (visitor,))


def erasure_of(chosen: Chosen, buried: list[Tombstone]) -> Erasure:
    """What the file beside the database is told."""
    time, hash, _ = chosen.erasures[-1]
    return Erasure(time, hash, buried)


def _json(ids: Iterable[int]) -> str:
    return msgspec.json.encode(sorted(ids)).decode()


def _ranges(seqs: list[int]) -> list[tuple[int, int]]:
    """Sorted numbers as closed ranges."""
    runs = [list(run) for _, run in groupby(enumerate(seqs), lambda each: each[1] - each[0])]
    return [(run[0][1], run[-1][1]) for run in runs]
