"""Revisions: every change of a derived row gets the next number, so that readers can follow from where they were.

What enters: rows to write. What leaves: rows with `rev`. One counter serves all feeds; it never goes back.
"""

from __future__ import annotations

import sqlite3


class Revisions:
    """The counter, read at the start of a transaction and written at its end."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn
        row = conn.execute("SELECT value FROM meta WHERE key = 'rev'").fetchone()
        self._started = self._rev = int(row[0]) if row else 0

    def next(self) -> int:
        self._rev += 1
        return self._rev

    def save(self) -> None:
        if self._rev != self._started:
            self._conn.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('rev', ?)", (self._rev,))
            self._started = self._rev
