"""The visits projection: new events of a visitor -> rows of `visits`.

What enters: a visitor's new facts. What leaves: rows changed, with their revision. New last events extend the last
visit at the cost of one step; an event that comes late makes the visitor's visits anew. It knows nothing of customers.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from msgspec.structs import replace

from collector.event import Campaign, Trust
from collector.identity import START, Place, after
from collector.store.sqlite.dictionary import Dictionaries, unpack_id
from collector.store.sqlite.facts import Facts
from collector.store.sqlite.feed import Revisions
from collector.store.sqlite.rows import Insert
from collector.visits import Key, Step, Visit, fold, goes_with

_ROWS = """
SELECT visits.first_seq, visits.first_time, first.mid, first.trust, visits.last_time, visits.last_seq, last.mid,
       last.trust, visits.events, visits.campaign
FROM visits JOIN events AS first ON first.seq = visits.first_seq JOIN events AS last ON last.seq = visits.last_seq
WHERE visits.visitor = ? AND visits.deleted = 0
"""
# Primary key of visits, downwards and upwards.
_BACK_FROM = f"{_ROWS} AND visits.first_time <= ? ORDER BY visits.first_time DESC"
_ON_FROM = f"{_ROWS} AND visits.first_time >= ? ORDER BY visits.first_time"
_PUT = Insert(
    "INSERT INTO visits (visitor, first_time, first_seq, lasted, advanced, events, campaign, rev)",
    columns=8,
    tail="""ON CONFLICT (visitor, deleted, first_time, first_seq) DO UPDATE SET
    lasted = excluded.lasted, advanced = excluded.advanced, events = excluded.events, campaign = excluded.campaign,
    rev = excluded.rev""",
)
# What was gone is there again: a visit has one row.
_UNDROP = "DELETE FROM visits WHERE visitor = ? AND deleted IN (1, 2) AND first_time = ? AND first_seq = ?"
_ORPHANS = """
SELECT first_time, first_seq FROM visits WHERE visitor = ? AND deleted = 0
   AND NOT (EXISTS (SELECT 1 FROM events WHERE seq = visits.first_seq)
            AND EXISTS (SELECT 1 FROM events WHERE seq = visits.last_seq))
"""
_END: Key = (2**62, "", 0)
_DROP = "UPDATE visits SET deleted = 1, rev = ? WHERE visitor = ? AND deleted = 0 AND first_time = ? AND first_seq = ?"


class Visiting:
    """Keeps `visits` up to the log, within the caller's transaction."""

    def __init__(self, conn: sqlite3.Connection, facts: Facts, words: Dictionaries) -> None:
        self._conn, self._facts, self._words = conn, facts, words
        self._unwritten: list[tuple[Any, ...]] = []
        self._begun: list[tuple[int, int, int]] = []

    def write(self) -> None:
        """Write what was put since: rows go together, and at the latest when they are read."""
        rows, self._unwritten = self._unwritten, []
        begun, self._begun = self._begun, []
        if begun:
            self._conn.executemany(_UNDROP, begun)
        if rows:
            _PUT.run(self._conn, rows)

    def forget(self) -> None:
        """The transaction was rolled back: what was not written never will be."""
        self._unwritten.clear()
        self._begun.clear()

    def visits(self, visitor: int) -> list[Visit]:
        """A visitor's visits as they stand, sorted."""
        self.write()
        return sorted(self._read(visitor), key=lambda visit: visit.first.key)

    def _read(self, visitor: int) -> list[Visit]:
        return [self._visit(row) for row in self._conn.execute(_ROWS, (visitor,))]

    def last(self, visitor: int) -> Visit | None:
        """A visitor's last visit."""
        return self.at(visitor, _END)

    def at(self, visitor: int, key: Key) -> Visit | None:
        """The last visit that begins at or before a key."""
        self.write()
        found: Visit | None = None
        for row in self._conn.execute(_BACK_FROM, (visitor, key[0])):
            visit = self._visit(row)
            # Those that begin in one millisecond come in any order.
            if found is not None and visit.first.key[0] != found.first.key[0]:
                break
            if visit.first.key <= key and (found is None or visit.first.key > found.first.key):
                found = visit
        return found

    def extend(self, visitor: int, tail: Visit | None, steps: list[Step], revisions: Revisions) -> list[Visit]:
        """Steps that all lie behind `tail`, sorted; returns `tail` as it is now and the visits that began behind it."""
        visits = fold(steps, tail)
        for visit in visits:
            if visit is not tail:
                if tail is None or visit.first.seq != tail.first.seq:
                    self._begin(visitor, visit)
                self._put(visitor, visit, revisions)
        return visits

    def widen(self, visitor: int, late: Sequence[Step], revisions: Revisions) -> bool:
        """Take in late steps that lie within visits and change none but their number; False, and nothing is done,
        where one begins, ends or parts a visit."""
        within: dict[int, Visit] = {}
        visit: Visit | None = None
        for step in late:
            if visit is None or not visit.first.key <= step.key < visit.last.key:
                visit = self.at(visitor, step.key)
            if visit is None or not step.key < visit.last.key or not goes_with(visit, step):
                return False
            visit = within[visit.first.seq] = replace(visit, events=within.get(visit.first.seq, visit).events + 1)
        for visit in within.values():
            self._put(visitor, visit, revisions)
        return True

    def mend(self, visitor: int, new: Sequence[Step], upto: int, revisions: Revisions) -> Visit | None:
        """Take in steps, sorted, that may lie anywhere; returns the last visit.

        Around each the visits are made anew, from events up to that seq, as far as they differ from what stands.
        """
        mended: Place = START
        for step in new:
            if step.key > mended:
                mended = self._mend_around(visitor, step, upto, revisions)
        return self.last(visitor)

    def _mend_around(self, visitor: int, new: Step, upto: int, revisions: Revisions) -> Place:
        """Returns up to where no new step is left to be taken in."""
        before = self.at(visitor, new.key)
        inside = before is not None and new.key < before.last.key
        begin: Place = new.key if before is None else before.first.key if inside else after(before.last.key)
        standing = self._on_from(visitor, new.key if before is None else before.first.key)
        passed: dict[int, Visit] = {}
        made: list[Visit] = [] if before is None or inside else [before]
        due = next(standing, None)
        mended: Place = _END
        for step in self._facts.steps_from(visitor, begin, upto):
            while due is not None and due.first.key < step.key:
                passed[due.first.seq] = due
                due = next(standing, None)
            latest = fold([step], made[-1] if made else None)
            begins = not made or len(latest) == 2
            if begins and due is not None and due.first.seq == step.seq and step.key > new.key:
                # From here on nothing differs.
                mended = step.key
                break
            made[-1:] = latest
        else:
            passed |= {visit.first.seq: visit for visit in ([] if due is None else [due, *standing])}
        self._replace(visitor, passed, made, revisions)
        return mended

    def _replace(self, visitor: int, standing: dict[int, Visit], made: list[Visit], revisions: Revisions) -> None:
        """Write what differs."""
        for visit in made:
            former = standing.pop(visit.first.seq, None)
            if former is None:
                self._begin(visitor, visit)
            if not _same(former, visit):
                self._put(visitor, visit, revisions)
        for first_seq, visit in standing.items():
            self._conn.execute(_DROP, (revisions.next(), visitor, visit.first.key[0], first_seq))

    def _on_from(self, visitor: int, key: Key) -> Iterator[Visit]:
        """The visits that begin at or behind a key, sorted."""
        rows = self._conn.execute(_ON_FROM, (visitor, key[0]))
        for _, tied in groupby(map(self._visit, rows), lambda visit: visit.first.key[0]):
            yield from (visit for visit in sorted(tied, key=lambda visit: visit.first.key) if visit.first.key >= key)

    def refold(self, visitor: int, upto: int, revisions: Revisions) -> Visit | None:
        """Make a visitor's visits anew, from its events up to that seq, and write what differs; returns the last."""
        self._drop_orphans(visitor, revisions)
        standing = {visit.first.seq: visit for visit in self.visits(visitor)}
        visits = fold(self._facts.steps(self._facts.of_visitor(visitor, upto)))
        self._replace(visitor, standing, visits, revisions)
        return visits[-1] if visits else None

    def _drop_orphans(self, visitor: int, revisions: Revisions) -> None:
        """Visits whose first or last event was erased."""
        for first_time, first_seq in self._conn.execute(_ORPHANS, (visitor,)).fetchall():
            self._conn.execute(_DROP, (revisions.next(), visitor, first_time, first_seq))

    def _begin(self, visitor: int, visit: Visit) -> None:
        """It does not stand; it may have stood before."""
        self._begun.append((visitor, visit.first.key[0], visit.first.seq))

    def _put(self, visitor: int, visit: Visit, revisions: Revisions) -> None:
        campaign = None if visit.campaign == Campaign() else self._words.campaigns.intern(*_parts(visit.campaign))
        first, last = visit.first, visit.last
        lasted, advanced = last.key[0] - first.key[0], last.seq - first.seq
        self._unwritten.append(
            (visitor, first.key[0], first.seq, lasted, advanced, visit.events, campaign, revisions.next())
        )

    def _visit(self, row: tuple[Any, ...]) -> Visit:
        first_seq, first_time, first_mid, first_trust, last_time, last_seq, last_mid, last_trust, events, campaign = row
        first = Step(_key(first_time, first_mid, first_trust), first_seq)
        last = Step(_key(last_time, last_mid, last_trust), last_seq)
        return Visit(first, last, events, self._facts.campaign(campaign) or Campaign())


def _key(time: int, mid: Any, trust: int) -> Key:
    return time, unpack_id(mid), int(trust == Trust.SERVER)


def _parts(campaign: Campaign) -> tuple[str, ...]:
    return tuple(getattr(campaign, part) for part in campaign.__struct_fields__)


def _same(one: Visit | None, other: Visit) -> bool:
    return (
        one is not None
        and one.last.seq == other.last.seq
        and one.events == other.events
        and one.campaign == other.campaign
    )
