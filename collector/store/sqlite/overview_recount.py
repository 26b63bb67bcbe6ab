"""How far a recount of Home's figures has come: some at a time, while what is new is counted as it comes.

What enters: steps done. What leaves: whether an event or a visitor is counted already, and so may be taken away again.
Kept in the file: a recount goes on where another process left it.
"""

from __future__ import annotations

import sqlite3

import msgspec
from msgspec import Struct

_READ = "SELECT value FROM meta WHERE key = 'overview_due'"
_WRITE = "INSERT OR REPLACE INTO meta (key, value) VALUES ('overview_due', ?)"
_END = "DELETE FROM meta WHERE key = 'overview_due'"


class Progress(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Of the events up to `upto` those up to `seq` are counted, of the visitors up to `visitors` those up to `visitor`.

    What lies beyond came later and was counted then. `upto` None: it has not begun.
    """

    upto: int | None = None
    seq: int = 0
    visitors: int = 0
    visitor: int = 0

    @property
    def share(self) -> float:
        """From 0 to 1."""
        if self.upto is None:
            return 0.0
        return (self.seq + self.visitor) / max(1, self.upto + self.visitors)


def read_progress(conn: sqlite3.Connection) -> Progress | None:
    """None: nothing is being counted anew."""
    row = conn.execute(_READ).fetchone()
    return None if row is None else msgspec.json.decode(str(row[0]), type=Progress)


class Recount:
    """The progress, at hand for the writing connection."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn
        self._known = False
        self._progress: Progress | None = None

    @property
    def progress(self) -> Progress | None:
        if not self._known:
            self._progress, self._known = read_progress(self._conn), True
        return self._progress

    def forget(self) -> None:
        self._known = False

    def holds_event(self, seq: int) -> bool:
        """Whether an event is counted."""
        now = self.progress
        return now is None or now.upto is None or seq <= now.seq or seq > now.upto

    def holds_visitor(self, visitor: int) -> bool:
        """Whether a visitor's visits are counted."""
        now = self.progress
        return now is None or now.upto is None or visitor <= now.visitor or visitor > now.visitors

    def save(self, progress: Progress) -> None:
        self._conn.execute(_WRITE, (msgspec.json.encode(progress).decode(),))
        self._progress, self._known = progress, True

    def end(self) -> None:
        self._conn.execute(_END)
        self._progress, self._known = None, True
