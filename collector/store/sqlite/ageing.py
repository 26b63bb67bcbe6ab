"""Retention: what is older than its site wants to keep leaves the log, a little at a time.

What enters: settings and the time. What leaves: events. Whose the remaining ones are does not change: claims stay, and
of the visits that hold them as much as tells them apart.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from itertools import pairwise

import msgspec
from msgspec import Struct

from collector.errors import NotFound
from collector.event import DAY_MS, VISIT_GAP_MS
from collector.mailing import ANSWERS
from collector.store.retention import KINDS, Retention
from collector.store.sqlite import mids
from collector.store.sqlite.erasing import sweep_person, sweep_visitor
from collector.store.sqlite.facts import Fact, Facts
from collector.store.sqlite.projection import Projection
from collector.store.sqlite.scanning import ALWAYS
from collector.store.sqlite.usage import DICTIONARIES, PERSONS, Usage, remember, surveyed, unused

LOOKED_AT_A_STEP = 500  # subjects
EVENTS_A_STEP = 2_000

_RETENTIONS = f"SELECT sites.name, {', '.join(KINDS)} FROM retention JOIN sites ON sites.id = retention.site"
_PUT = f"""
INSERT INTO retention (site, {", ".join(KINDS)}) SELECT id, ?, ?, ?, ? FROM sites WHERE name = ? AND removed IS NULL
ON CONFLICT (site) DO UPDATE SET {", ".join(f"{kind} = excluded.{kind}" for kind in KINDS)}
"""
_LIMITS = f"SELECT site, {', '.join(KINDS)} FROM retention"
# Index events_timeline: subjects in their order, from the last one on.
_NEXT = "SELECT subject FROM events WHERE subject > ? ORDER BY subject LIMIT 1"
_OLDEST = "SELECT min(time) FROM events WHERE subject = ?"
_IS_KNOWN = "SELECT 1 FROM claims WHERE visitor = ? AND act <> 2 LIMIT 1"
# Claims on a visitor by calls that are not on its timeline.
_FOREIGN = """
SELECT events.time FROM claims JOIN events ON events.seq = claims.seq WHERE claims.visitor = ?1 AND events.subject <> ?1
"""
_NEEDED = """
SELECT value FROM json_each(?1) WHERE EXISTS (SELECT 1 FROM {0} WHERE {0}.seq = value)
"""
_OLD_SUBJECT = "SELECT seq FROM events WHERE subject = ? AND time < ? ORDER BY time LIMIT ?"
_CLAIM_SEQS = "SELECT seq FROM claims WHERE visitor = ?"
_CHOSEN = "seq IN (SELECT value FROM json_each(?))"
_ORDERS_OF = f"SELECT DISTINCT site, order_id FROM order_calls WHERE {_CHOSEN}"
_CALLS_OF = """
SELECT order_calls.seq, events.time FROM order_calls JOIN events ON events.seq = order_calls.seq
WHERE order_calls.site = ? AND order_calls.order_id = ?
"""
_WORDS = f"SELECT {', '.join((*DICTIONARIES, *PERSONS))} FROM events WHERE {_CHOSEN}"
_OLD_CONSENTS = (
    "DELETE FROM consent_log WHERE seq IN (SELECT seq FROM consent_log WHERE site = ? AND received < ? LIMIT 5000)"
)
_OLD_REFUSED = "DELETE FROM quarantine WHERE site = ? AND received < ?"


class Progress(Struct):
    """The day's work: done up to this subject."""

    day: int
    subject: int
    done: bool = False


class Limits(Struct, frozen=True):
    """Before which time each kind of a site's events leaves, in ms."""

    browsing: int
    unknown: int
    orders: int
    consents: int


NOTHING = Limits(-ALWAYS, -ALWAYS, -ALWAYS, -ALWAYS)


def retentions(conn: sqlite3.Connection) -> list[Retention]:
    return [Retention(site=site, **dict(zip(KINDS, days, strict=True))) for site, *days in conn.execute(_RETENTIONS)]


def put_retention(conn: sqlite3.Connection, told: Retention) -> None:
    """Raises NotFound."""
    days = (told.browsing, told.unknown, told.orders, told.consents)
    if conn.execute(_PUT, (*days, told.site)).rowcount == 0:
        raise NotFound(f"there is no site {told.site}")


class Ageing:
    """For the writing connection; the caller holds the transaction, and everything has been derived."""

    def __init__(self, conn: sqlite3.Connection, projection: Projection) -> None:
        self._conn, self._projection = conn, projection
        self._facts = Facts(conn)

    def step(self, now: int) -> bool:
        """Some subjects' old events; True: there is more to do today."""
        limits = self._limits(now)
        if not limits:
            return False
        progress = self._progress(now)
        if progress.done:
            return False
        looked, removed = 0, 0
        while looked < LOOKED_AT_A_STEP and removed < EVENTS_A_STEP:
            row = self._conn.execute(_NEXT, (progress.subject,)).fetchone()
            if row is None:
                self._age_beside(limits)
                progress.done = True
                break
            progress.subject = row[0]
            removed += self._age(row[0], limits)
            looked += 1
        text = msgspec.json.encode(progress).decode()
        self._conn.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('aged', ?)", (text,))
        return not progress.done

    def _limits(self, now: int) -> dict[int, Limits]:
        def before(days: int | None) -> int:
            return -ALWAYS if days is None else now - days * DAY_MS

        return {site: Limits(*map(before, days)) for site, *days in self._conn.execute(_LIMITS)}

    def _progress(self, now: int) -> Progress:
        row = self._conn.execute("SELECT value FROM meta WHERE key = 'aged'").fetchone()
        progress = msgspec.json.decode(row[0], type=Progress) if row else None
        return progress if progress and progress.day == now // DAY_MS else Progress(now // DAY_MS, -ALWAYS)

    def _age(self, subject: int, limits: dict[int, Limits]) -> int:
        """Take out what of one subject's events may go; returns how many."""
        latest = max(max(each.browsing, each.unknown, each.orders, each.consents) for each in limits.values())
        oldest = self._conn.execute(_OLDEST, (subject,)).fetchone()[0]
        if oldest is None or oldest >= latest:
            return 0
        facts = self._facts.of_visitor(subject, self._projection.projected())
        known = subject <= 0 or self._conn.execute(_IS_KNOWN, (subject,)).fetchone() is not None
        kept = self._kept(facts, limits)

        def is_old(fact: Fact) -> bool:
            of = limits.get(fact.site, NOTHING)
            return fact.key[0] < (of.browsing if known else max(of.browsing, of.unknown))

        old = {fact.seq for fact in facts if fact.seq not in kept and is_old(fact)}
        if subject > 0:
            old -= self._tying(subject, facts, old)
        seqs = sorted(old)[:EVENTS_A_STEP]
        if subject > 0 and len(seqs) < len(old):
            seqs = sorted(old)  # a visitor's chains go whole
        if seqs:
            self._take_out(subject, seqs)
        return len(seqs)

    def _kept(self, facts: Sequence[Fact], limits: dict[int, Limits]) -> set[int]:
        """What outlives browsing: claims and links for good; orders, what staff wrote and answers for their time."""
        seqs = _json(fact.seq for fact in facts)
        kept = {seq for table in ("claims", "links") for (seq,) in self._conn.execute(_NEEDED.format(table), (seqs,))}
        of_orders = {seq for (seq,) in self._conn.execute(_NEEDED.format("order_calls"), (seqs,))}
        for fact in facts:
            call_type, name = self._facts.name(fact.name_id)
            of = limits.get(fact.site, NOTHING)
            if call_type in ("identify", "alias", "group"):
                kept.add(fact.seq)
            elif call_type == "track" and name in ANSWERS:
                kept |= {fact.seq} if fact.key[0] >= of.consents else set()
            elif fact.staff:
                kept |= {fact.seq} if fact.key[0] >= of.orders else set()
            elif fact.seq in of_orders and not self._order_is_old(fact, of.orders):
                kept.add(fact.seq)
        return kept

    def _order_is_old(self, fact: Fact, before: int) -> bool:
        """Whether the orders that a call tells of may go: all their calls are old, and none of them is a claim."""
        calls = [
            call
            for order in self._conn.execute(_ORDERS_OF, (_json([fact.seq]),)).fetchall()
            for call in self._conn.execute(_CALLS_OF, order)
        ]
        seqs = _json(seq for seq, _ in calls)
        claimed = any(self._conn.execute(_NEEDED.format(table), (seqs,)).fetchone() for table in ("claims", "links"))
        return not claimed and all(time < before for _, time in calls)

    def _tying(self, visitor: int, facts: Sequence[Fact], old: set[int]) -> set[int]:
        """What must stay although it is old, so that what stays forms the same visits as before."""
        foreign = [time for (time,) in self._conn.execute(_FOREIGN, (visitor,))]
        tying: set[int] = set()
        for chain in _chains([fact for fact in facts if self._facts.forms_visit(fact)]):
            first, last = chain[0].key[0] - VISIT_GAP_MS, chain[-1].key[0] + VISIT_GAP_MS
            if any(first <= time <= last for time in foreign):
                tying |= {fact.seq for fact in chain}
            elif any(fact.seq not in old for fact in chain):
                tying |= _bridges(chain, old)
        return tying

    def _take_out(self, subject: int, seqs: list[int]) -> None:
        chosen = _json(seqs)
        orders = set(self._conn.execute(_ORDERS_OF, (chosen,)).fetchall())
        persons = self._remember_words(chosen)
        self._projection.leave(seqs)
        mids.take_out(self._conn, chosen)
        for table in ("order_calls", "subscriptions", "events"):
            self._conn.execute(f"DELETE FROM {table} WHERE {_CHOSEN}", (chosen,))
        self._projection.forget()
        self._projection.resettle([subject] if subject > 0 else [], persons, orders)
        self._projection.forget()
        if subject > 0:
            sweep_visitor(self._conn, subject)

    def _remember_words(self, chosen: str) -> set[int]:
        """What these events used, to be looked at when the day's work is done; returns the persons."""
        persons: set[int] = set()
        words: set[tuple[str, int]] = set()
        for row in self._conn.execute(_WORDS, (chosen,)):
            words |= {(column, id) for column, id in zip(DICTIONARIES, row, strict=False) if id is not None}
            persons |= {id for id in row[len(DICTIONARIES) :] if id is not None}
        remember(self._conn, words | {("person", person) for person in persons})
        return persons

    def _age_beside(self, limits: dict[int, Limits]) -> None:
        """What is no event: the consent log, and what was refused."""
        for site, of in limits.items():
            while self._conn.execute(_OLD_CONSENTS, (site, of.consents)).rowcount:
                pass
            self._conn.execute(_OLD_REFUSED, (site, of.browsing))

    def sweep(self, usage: Usage) -> None:
        """Take out the words that were remembered and that nothing uses any more."""
        aged = _aged(self._conn)
        for column, table in DICTIONARIES.items():
            left = unused(self._conn, column, aged.get(column, ()), usage)
            if column == "campaign":
                left -= {id for (id,) in self._conn.execute("SELECT DISTINCT campaign FROM visits")}
            self._conn.executemany(f"DELETE FROM {table} WHERE id = ?", [(id,) for id in left])
        persons = aged.get("person", set())
        for person in persons.intersection(*(unused(self._conn, column, persons, usage) for column in PERSONS)):
            sweep_person(self._conn, person)
        self._conn.execute("DELETE FROM aged_words")
        self._projection.sweep_words()
        self._projection.forget()


def survey(conn: sqlite3.Connection) -> Usage | None:
    """What of the words of what has aged is used still; None where there are none."""
    aged = _aged(conn)
    if not aged:
        return None
    wanted = {column: aged.get(column, set()) for column in DICTIONARIES}
    wanted |= dict.fromkeys(PERSONS, aged.get("person", set()))
    upto = conn.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0]
    return surveyed(conn, upto, wanted, "[]")


def _aged(conn: sqlite3.Connection) -> dict[str, set[int]]:
    aged: dict[str, set[int]] = {}
    for kind, id in conn.execute("SELECT kind, id FROM aged_words"):
        aged.setdefault(kind, set()).add(id)
    return aged


def _chains(facts: Sequence[Fact]) -> list[list[Fact]]:
    """Runs without a gap that would end a visit, whatever campaigns there are in them."""
    chains: list[list[Fact]] = []
    for fact in facts:
        if chains and fact.key[0] - chains[-1][-1].key[0] < VISIT_GAP_MS:
            chains[-1].append(fact)
        else:
            chains.append([fact])
    return chains


def _bridges(chain: Sequence[Fact], old: set[int]) -> set[int]:
    """Old ones that hold a chain together: those with a campaign, and where else a gap would come to be."""
    tying = {fact.seq for fact in chain if fact.campaign is not None}
    stays = [at for at, fact in enumerate(chain) if fact.seq not in old or fact.seq in tying]
    for here, there in pairwise(stays):
        at = here
        while chain[there].key[0] - chain[at].key[0] >= VISIT_GAP_MS:
            at = max(n for n in range(at + 1, there) if chain[n].key[0] - chain[at].key[0] < VISIT_GAP_MS)
            tying.add(chain[at].seq)
    return tying


def _json(ids: Iterable[int]) -> str:
    return msgspec.json.encode(sorted(ids)).decode()
