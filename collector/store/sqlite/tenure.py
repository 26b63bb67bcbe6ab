"""The tenancies projection: a visitor's claims and visits -> rows of `tenancies`.

What enters: a visitor. What leaves: its set of spans, restated whole with one revision where it differs, bounded by
real events. It knows nothing of how persons are linked: that is asked of `resolve`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from collector.event import Trust
from collector.identity import (
    SHARED_DEVICE_CUSTOMERS_MAX,
    Act,
    Claim,
    Stay,
    Tenancy,
    Unlink,
    Walk,
    Walked,
    Why,
    stays,
    tenancies,
)
from collector.store.sqlite.courses import COURSES_MAX, Course
from collector.store.sqlite.dictionary import unpack_id
from collector.store.sqlite.facts import Facts
from collector.store.sqlite.feed import Revisions
from collector.store.sqlite.visiting import Visiting
from collector.visits import Key, Visit

# Primary key of claims, then one row of the log for each.
_CLAIMS = """
SELECT events.time, events.mid, events.trust, claims.seq, claims.act, claims.why, claims.user, claims.email,
       claims.strength
FROM claims JOIN events ON events.seq = claims.seq WHERE claims.visitor = ?
"""
_CLAIMS_OF = f"{_CLAIMS} AND claims.seq IN (SELECT value FROM json_each(?))"
_ROWS = """
SELECT from_time, from_seq, to_time, to_seq, customer, why, strength, evidence
FROM tenancies WHERE visitor = ? AND n >= ? AND deleted = 0 ORDER BY n
"""
_SPANS = """
SELECT tenancies.customer, start.time, start.mid, start.trust, stop.time, stop.mid, stop.trust
FROM tenancies JOIN events AS start ON start.seq = tenancies.from_seq
LEFT JOIN events AS stop ON stop.seq = tenancies.to_seq
WHERE tenancies.visitor = ? AND tenancies.deleted = 0 ORDER BY tenancies.n DESC
"""
_BOUNDS = "SELECT from_time, from_seq, to_time, to_seq FROM tenancies WHERE visitor = ? AND deleted = 0 ORDER BY n DESC"
_PUT = """
INSERT OR REPLACE INTO tenancies
    (visitor, n, from_time, from_seq, to_time, to_seq, customer, why, strength, evidence, rev, deleted)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)
"""
# The last row, whom claims name, as far as that is one device's, and whether anything else was said of the visitor.
_LAST_ROW = """
SELECT from_time, to_time, customer FROM tenancies WHERE visitor = ? AND deleted = 0 ORDER BY n DESC LIMIT 1
"""
_CLAIMANTS = f"""
SELECT DISTINCT coalesce(user, email) FROM claims
WHERE visitor = ? AND act <> {int(Act.LOG_OUT)} LIMIT {SHARED_DEVICE_CUSTOMERS_MAX + 1}
"""
_OTHERWISE = f"""
SELECT EXISTS (SELECT 1 FROM claims WHERE visitor = ?1 AND why = {int(Why.ALIAS)})
    OR EXISTS (SELECT 1 FROM claims JOIN events ON events.seq = claims.seq
               WHERE claims.visitor = ?1 AND claims.act = {int(Act.LOG_OUT)} AND events.time >= ?2)
    OR EXISTS (SELECT 1 FROM unlinks WHERE visitor = ?1)
    OR EXISTS (SELECT 1 FROM fences WHERE visitor = ?1)
    OR EXISTS (SELECT 1 FROM departed WHERE visitor = ?1)
"""
SUPPRESSED_MAX = 10_000
# A set is restated whole, with the rows that are gone, so that any reader sees all of it.
_RESTATE = "INSERT INTO tenancy_sets (visitor, rev) VALUES (?, ?) ON CONFLICT DO UPDATE SET rev = excluded.rev"
_DROP = "UPDATE tenancies SET deleted = 1, customer = NULL, rev = ? WHERE visitor = ? AND n >= ? AND n < ?"


class Lost(NamedTuple):
    """What was a customer's of a visitor, and may be no more: nothing before `first` or after `last` (None: open)."""

    visitor: int
    first: int
    last: int | None


class Settled(NamedTuple):
    """What became of a visitor. `holder`: who holds at its end; `quiet`: an event without a claim changes nothing;
    `changed`: whose its orders are may have changed; `customers`: who may own other events now; `lost`: what some of
    them may have lost of it."""

    customers: set[int]
    suppressed: set[int]
    holder: int | None
    quiet: bool
    changed: bool
    lost: dict[int, Lost]


class Tenure:
    """Keeps `tenancies` up to the log, within the caller's transaction."""

    def __init__(self, conn: sqlite3.Connection, facts: Facts, visiting: Visiting) -> None:
        self._conn, self._facts, self._visiting = conn, facts, visiting
        self._courses: dict[int, Course] = {}

    def forget(self, visitor: int | None = None) -> None:
        """Walk over all claims anew: of one visitor, whose visits or customers have changed; or of all."""
        if visitor is None:
            self._courses.clear()
        else:
            self._courses.pop(visitor, None)

    def follows(self, visitor: int) -> bool:
        """Whether it must be told of each of the visitor's claims."""
        return visitor in self._courses

    def holder(self, visitor: int, resolve: Callable[[Any], Any]) -> int | None:
        """Who holds at the visitor's end, where that is plain without a walk.

        Where only log-ins came since the last row began, it is the walk's last span, and open: another's log-in or a
        log-out would have ended it.
        """
        last = self._conn.execute(_LAST_ROW, (visitor,)).fetchone()
        if last is None or last[1] is not None:
            return None
        began, _, customer = last
        people = [person for (person,) in self._conn.execute(_CLAIMANTS, (visitor,))]
        if len(people) > SHARED_DEVICE_CUSTOMERS_MAX or any(resolve(person) is None for person in people):
            return None
        otherwise = self._conn.execute(_OTHERWISE, (visitor, began)).fetchone()[0]
        return None if otherwise else customer

    def settle(self, visitor: int, seqs: set[int], resolve: Callable[[Any], Any], revisions: Revisions) -> Settled:
        """Derive a visitor's set anew and write it where it differs; names customers who may own other events now.

        `seqs`: the events whose claims are new or others than before.
        """
        course = self._courses.get(visitor)
        new = course is None or not self._go_on(course, visitor, seqs)
        if new or course is None:
            course = self._begin(visitor, resolve)
        walk = course.walk()
        if walk.crowded:
            new, course = True, self._begin(visitor, resolve, shared=True)
            walk = course.walk()
        spans = walk.finish()
        rows = [self._row(visitor, span) for span in spans]
        settled = self._write(visitor, course, walk, [row for row in rows if row], revisions)
        last = self._visiting.last(visitor)
        holder, quiet = _end(walk, spans, rows, last)
        changed = settled.changed or new or course.suppressed != walk.suppressed
        self._keep(visitor, course, walk, spans, rows)
        return settled._replace(holder=holder, quiet=quiet, changed=changed)

    def walk(self, visitor: int, visits: Sequence[Visit], resolve: Callable[[Any], Any]) -> Walked:
        """Whose a visitor's events are, by its claims and what was said of it."""
        claims = [_claim(row) for row in self._conn.execute(_CLAIMS, (visitor,))]
        return tenancies(
            visits, claims, self._unlinks(visitor), self._fences(visitor), resolve, self._departed(visitor)
        )

    def holder_at(self, visitor: int, key: Key) -> int | None:
        """Whose an event of the visitor is, as the rows stand."""
        for customer, time, mid, trust, to_time, to_mid, to_trust in self._conn.execute(_SPANS, (visitor,)):
            starts = (time, unpack_id(mid), int(trust == Trust.SERVER))
            if starts <= key:
                ends = None if to_time is None else (to_time, unpack_id(to_mid), int(to_trust == Trust.SERVER))
                return int(customer) if ends is None or key < ends else None
        return None

    def is_bound(self, visitor: int, key: Key, seq: int) -> bool:
        """Whether a span begins or ends with this event."""
        for from_time, from_seq, to_time, to_seq in self._conn.execute(_BOUNDS, (visitor,)):
            if seq in (from_seq, to_seq):
                return True
            if to_time is not None and to_time < key[0] and from_time < key[0]:
                return False
        return False

    def _begin(self, visitor: int, resolve: Callable[[Any], Any], shared: bool = False) -> Course:
        """All of a visitor's claims."""
        unlinks = self._unlinks(visitor)
        cuts = sorted([*(unlink.time for unlink in unlinks), *self._fences(visitor)])
        claims = [_claim(row) for row in self._conn.execute(_CLAIMS, (visitor,))]
        start = Walk(resolve, cuts, shared, self._departed(visitor))
        return Course(start, stays(self._visiting.visits(visitor), claims), unlinks)

    def _go_on(self, course: Course, visitor: int, seqs: set[int]) -> bool:
        """Take in what is new since; False where it lies too far back."""
        course.wake()
        touched = seqs | course.seqs_of_last_stay()
        claims = [
            _claim(row)
            for row in self._conn.execute(_CLAIMS_OF, (visitor, msgspec.json.encode(sorted(touched)).decode()))
        ]
        claims.sort(key=lambda claim: claim.key)
        visit: Visit | None = None
        staying = []
        for claim in claims:
            if visit is None or not visit.first.key <= claim.key <= visit.last.key:
                visit = self._visiting.at(visitor, claim.key)
            if visit is None or claim.key > visit.last.key or claim.why is Why.ALIAS:
                return False
            staying.append((claim, Stay(visit.first.key, visit.last.key)))
        return course.put(touched, staying)

    def _write(
        self, visitor: int, course: Course, walk: Walk, rows: list[tuple[Any, ...]], revisions: Revisions
    ) -> Settled:
        standing = self._conn.execute(_ROWS, (visitor, course.retired)).fetchall()
        if rows != standing:
            self._restate(visitor, course.retired, rows, len(standing), revisions.next())
        # Also where no bound has moved: a late event may lie in anybody's span.
        touched = {row[4] for row in rows} | {row[4] for row in standing}
        changed = rows != standing
        lost = _lost(visitor, standing) if changed else {}
        return Settled(touched, walk.suppressed, None, False, changed, lost)

    def _keep(
        self, visitor: int, course: Course, walk: Walk, spans: list[Tenancy], rows: list[tuple[Any, ...] | None]
    ) -> None:
        """A course is kept where there are very many claims, and nothing but the visitor's own events makes them."""
        course.suppressed = frozenset(walk.suppressed)
        if course.is_long and course.plain:
            course.retire(spans, [row is not None for row in rows])
        if not course.retires or len(course.suppressed) > SUPPRESSED_MAX:
            self._courses.pop(visitor, None)
            return
        if visitor not in self._courses and len(self._courses) >= COURSES_MAX:
            self._courses.pop(next(iter(self._courses)))
        self._courses[visitor] = course
        course.rest()

    def _row(self, visitor: int, span: Tenancy) -> tuple[Any, ...] | None:
        """A span bounded by real events; None where no event lies in it."""
        first = self._facts.first_from(visitor, span.start)
        stop = None if span.end is None else self._facts.first_from(visitor, span.end)
        if (
            first is None
            or (stop is not None and stop[0] <= first[0])
            or (span.end is not None and first[0] >= span.end)
        ):
            return None
        claim = span.claim
        to_time, to_seq = (None, None) if stop is None else (stop[0][0], stop[1])
        return (first[0][0], first[1], to_time, to_seq, span.customer, claim.why.word, claim.strength, claim.seq)

    def _restate(self, visitor: int, retired: int, rows: list[tuple[Any, ...]], stood: int, rev: int) -> None:
        """`stood`: how many rows stood behind the retired ones."""
        self._conn.execute(_RESTATE, (visitor, rev))
        self._conn.executemany(_PUT, [(visitor, n, *row, rev) for n, row in enumerate(rows, start=retired)])
        self._conn.execute(_DROP, (rev, visitor, retired + len(rows), retired + stood))

    def _departed(self, visitor: int) -> int:
        gone = self._conn.execute("SELECT customers FROM departed WHERE visitor = ?", (visitor,)).fetchone()
        return gone[0] if gone else 0

    def _unlinks(self, visitor: int) -> list[Unlink]:
        rows = self._conn.execute("SELECT time, persons FROM unlinks WHERE visitor = ?", (visitor,))
        return [Unlink(time, frozenset(msgspec.json.decode(persons))) for time, persons in rows]

    def _fences(self, visitor: int) -> list[int]:
        return [time for (time,) in self._conn.execute("SELECT time FROM fences WHERE visitor = ?", (visitor,))]


def _lost(visitor: int, standing: list[tuple[Any, ...]]) -> dict[int, Lost]:
    """By customer; a visitor's rows stand in their order."""
    lost: dict[int, Lost] = {}
    for from_time, _, to_time, _, customer, *_ in standing:
        first = lost[customer].first if customer in lost else from_time
        lost[customer] = Lost(visitor, first, to_time)
    return lost


def _claim(row: tuple[Any, ...]) -> Claim:
    time, mid, trust, seq, act, why, user, email, strength = row
    return Claim((time, unpack_id(mid), int(trust == Trust.SERVER)), seq, Act(act), Why(why), user, email, strength)


def _end(
    walk: Walk, spans: list[Tenancy], rows: list[tuple[Any, ...] | None], last: Visit | None
) -> tuple[int | None, bool]:
    """Who holds at the visitor's end, and whether an event without a claim would change nothing."""
    span, row = (spans[-1], rows[-1]) if spans else (None, None)
    if span is None:
        return None, not walk.shared
    # A span that no event lies in yet (an alias from the future of the visitor) is held by nobody so far.
    begun = row is not None and row[7] == span.claim.seq
    held = begun and span.end is None
    closed = begun and row is not None and row[2] is not None
    if walk.shared and closed:
        # It ends with its visit, which must be over.
        closed = last is not None and span.end is not None and last.first.key >= span.end
    return span.customer if held else None, held or closed
