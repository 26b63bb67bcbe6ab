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
from collector.identity import Act, Claim, Tenancy, Unlink, Walked, Why, tenancies
from collector.store.sqlite.dictionary import unpack_id
from collector.store.sqlite.facts import Facts
from collector.store.sqlite.feed import Revisions
from collector.visits import Key, Visit

# Primary key of claims, then one row of the log for each.
_CLAIMS = """
SELECT events.time, events.mid, events.trust, claims.seq, claims.act, claims.why, claims.user, claims.email,
       claims.strength
FROM claims JOIN events ON events.seq = claims.seq WHERE claims.visitor = ?
"""
_ROWS = """
SELECT from_time, from_seq, to_time, to_seq, customer, why, strength, evidence
FROM tenancies WHERE visitor = ? AND deleted = 0 ORDER BY n
"""
_SPANS = """
SELECT tenancies.customer, start.time, start.mid, start.trust, stop.time, stop.mid, stop.trust
FROM tenancies JOIN events AS start ON start.seq = tenancies.from_seq
LEFT JOIN events AS stop ON stop.seq = tenancies.to_seq
WHERE tenancies.visitor = ? AND tenancies.deleted = 0 ORDER BY tenancies.n
"""
_PUT = """
INSERT OR REPLACE INTO tenancies
    (visitor, n, from_time, from_seq, to_time, to_seq, customer, why, strength, evidence, rev, deleted)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)
"""
# Rows that are gone come again with every restatement, so that any reader sees the set whole.
_DROP = "UPDATE tenancies SET deleted = 1, customer = NULL, rev = ? WHERE visitor = ? AND n >= ?"


class Settled(NamedTuple):
    """What became of a visitor. `holder`: who holds at its end; `quiet`: an event without a claim changes nothing."""

    customers: set[int]
    suppressed: set[int]
    holder: int | None
    quiet: bool


class Tenure:
    """Keeps `tenancies` up to the log, within the caller's transaction."""

    def __init__(self, conn: sqlite3.Connection, facts: Facts) -> None:
        self._conn, self._facts = conn, facts

    def settle(
        self, visitor: int, visits: Sequence[Visit], resolve: Callable[[Any], Any], revisions: Revisions
    ) -> Settled:
        """Derive a visitor's set anew and write it where it differs; names customers who may own other events now."""
        walked = self.walk(visitor, visits, resolve)
        rows = [row for span in walked.tenancies if (row := self._row(visitor, span))]
        standing = self._conn.execute(_ROWS, (visitor,)).fetchall()
        if rows != standing:
            self._restate(visitor, rows, revisions.next())
        # Also where no bound has moved: a late event may lie in anybody's span.
        touched = {row[4] for row in rows} | {row[4] for row in standing}
        last = walked.tenancies[-1] if walked.tenancies else None
        # A span that no event lies in yet (an alias from the future of the visitor) is held by nobody so far.
        begun = last is not None and bool(rows) and rows[-1][7] == last.claim.seq
        held = begun and last is not None and last.end is None
        closed = not walked.shared and (last is None or (begun and rows[-1][2] is not None))
        return Settled(touched, walked.suppressed, last.customer if last and held else None, held or closed)

    def walk(self, visitor: int, visits: Sequence[Visit], resolve: Callable[[Any], Any]) -> Walked:
        """Whose a visitor's events are, by its claims and what was said of it."""
        claims = [_claim(row) for row in self._conn.execute(_CLAIMS, (visitor,))]
        gone = self._conn.execute("SELECT customers FROM departed WHERE visitor = ?", (visitor,)).fetchone()
        departed = gone[0] if gone else 0
        return tenancies(visits, claims, self._unlinks(visitor), self._fences(visitor), resolve, departed)

    def holder_at(self, visitor: int, key: Key) -> int | None:
        """Whose an event of the visitor is, as the rows stand."""
        for customer, time, mid, trust, to_time, to_mid, to_trust in self._conn.execute(_SPANS, (visitor,)):
            starts = (time, unpack_id(mid), int(trust == Trust.SERVER))
            if starts <= key and (to_time is None or key < (to_time, unpack_id(to_mid), int(to_trust == Trust.SERVER))):
                return int(customer)
        return None

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

    def _restate(self, visitor: int, rows: list[tuple[Any, ...]], rev: int) -> None:
        self._conn.executemany(_PUT, [(visitor, n, *row, rev) for n, row in enumerate(rows)])
        self._conn.execute(_DROP, (rev, visitor, len(rows)))

    def _unlinks(self, visitor: int) -> list[Unlink]:
        rows = self._conn.execute("SELECT time, persons FROM unlinks WHERE visitor = ?", (visitor,))
        return [Unlink(time, frozenset(msgspec.json.decode(persons))) for time, persons in rows]

    def _fences(self, visitor: int) -> list[int]:
        return [time for (time,) in self._conn.execute("SELECT time FROM fences WHERE visitor = ?", (visitor,))]


def _claim(row: tuple[Any, ...]) -> Claim:
    time, mid, trust, seq, act, why, user, email, strength = row
    return Claim((time, unpack_id(mid), int(trust == Trust.SERVER)), seq, Act(act), Why(why), user, email, strength)
