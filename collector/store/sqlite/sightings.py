"""The sightings projection: new events of a visitor -> its row of `sightings`.

What enters: a visitor's new facts, its last visit, and whether its latest event is a customer's. What leaves: one row a
visitor, which grows by what is new and is counted anew where events were taken out. It knows nothing of who is who.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from collector.store.prospects import VIEW, Reached, step_of
from collector.store.sqlite.facts import Fact, Facts
from collector.store.sqlite.rows import Insert
from collector.visits import Visit

_GROW = Insert(
    "INSERT INTO sightings (visitor, known, site, last_time, last_seq, reached, views)",
    columns=7,
    tail="""ON CONFLICT (visitor) DO UPDATE SET
    known = CASE last_seq WHEN excluded.last_seq THEN known ELSE excluded.known END,
    site = excluded.site, last_time = excluded.last_time, last_seq = excluded.last_seq,
    reached = max(reached, excluded.reached), views = views + excluded.views""",
)
_KNOW = "UPDATE sightings SET known = ?1 WHERE visitor = ?2 AND known <> ?1"
_DROP = "DELETE FROM sightings WHERE visitor = ?"

# (known, site, last time, last seq, reached, views): what is new of a visitor.
News = tuple[bool, int, int, int, int, int]


class Sightings:
    """Keeps `sightings` up to the log, within the caller's transaction."""

    def __init__(self, conn: sqlite3.Connection, facts: Facts) -> None:
        self._conn, self._facts = conn, facts
        self._steps: dict[int, tuple[Reached, bool]] = {}
        self._news: dict[int, News] = {}
        self._known: dict[int, bool] = {}

    def forget(self) -> None:
        """The transaction was rolled back, or another process has written."""
        self._steps.clear()
        self._news.clear()
        self._known.clear()

    def note(self, visitor: int, facts: Sequence[Fact], tail: Visit | None, held: bool) -> None:
        """New events of a visitor, sorted; `tail` is its last visit with them. What forms no visit is no sighting.

        `held`: somebody holds it who held it before, which counts for a new latest event; `settle` may say better.
        """
        if tail is None:
            return
        reached = views = 0
        for fact in facts:
            step, viewed = self._steps.get(fact.name_id) or self._step(fact.name_id)
            if step and not fact.staff:
                reached = max(reached, step)
                views += viewed
        last = tail.last
        site = facts[-1].site if facts and facts[-1].seq == last.seq else self._site(last.seq)
        self._news[visitor] = (held, site, last.key[0], last.seq, reached, views)

    def recount(self, visitor: int, upto: int, tail: Visit | None) -> None:
        """Count a visitor's events up to that seq anew: some were taken out."""
        self._conn.execute(_DROP, (visitor,))
        self._news.pop(visitor, None)
        if tail is not None:
            self.note(visitor, self._facts.of_visitor(visitor, upto), tail, held=False)

    def settle(self, visitor: int, known: bool) -> None:
        """Whether a visitor's latest event is a customer's."""
        self._known[visitor] = known

    def write(self) -> None:
        """Write what was noted."""
        news, known = self._news, self._known
        _GROW.run(self._conn, [(visitor, known.get(visitor, row[0]), *row[1:]) for visitor, row in news.items()])
        told = [(held, visitor) for visitor, held in known.items()]
        if told:
            self._conn.executemany(_KNOW, told)
        news.clear()
        known.clear()

    def _step(self, name_id: int) -> tuple[Reached, bool]:
        type, name = self._facts.name(name_id)
        self._steps[name_id] = step_of(type, name), type == "track" and name == VIEW
        return self._steps[name_id]

    def _site(self, seq: int) -> int:
        site: int = self._conn.execute("SELECT site FROM events WHERE seq = ?", (seq,)).fetchone()[0]
        return site
