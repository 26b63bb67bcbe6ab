"""Connections that only read, one for each thread that asks, and the snapshots that look-ups see.

What enters: a path and what is to be asked. What leaves: the answer, from one state of the file. A reader never waits
for the writer, nor makes it wait. Who cannot wait at all says how long it may take; if it takes longer, that fails.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from typing import TypeVar

from collector.errors import Misuse, TooSlow, Unavailable
from collector.store.sqlite.connection import BUSY_MS_MAX, connect, is_the_files, kind_of

T = TypeVar("T")
# So often, in steps of SQLite's machine (about 15 µs), it is looked at the clock where it may take only so long.
_STEPS_A_LOOK = 250
_TOO_SLOW = (sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_BUSY)


class Readers:
    """Those of one file."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._here = threading.local()
        self._opened: list[sqlite3.Connection] = []

    def close(self) -> None:
        for conn in self._opened:
            conn.close()

    def conn(self) -> sqlite3.Connection:
        """This thread's own."""
        conn: sqlite3.Connection | None = getattr(self._here, "conn", None)
        if conn is None:
            conn = self._here.conn = self._open(BUSY_MS_MAX)
        return conn

    def ask(self, ask: Callable[[sqlite3.Connection], T]) -> T:
        """One look-up. Raises Unavailable where the file cannot be read."""
        with self.snapshot() as conn:
            return ask(conn)

    @contextmanager
    def snapshot(self, within_s: float | None = None) -> Iterator[sqlite3.Connection]:
        """All that this thread asks within sees one state of the file.

        Raises Unavailable as `ask` does, and TooSlow where a statement still runs `within_s` seconds after the begin.
        """
        lent: sqlite3.Connection | None = getattr(self._here, "lent", None)
        if lent is not None:
            if time.monotonic() > self._here.until_s:
                raise TooSlow("it takes longer than it may")
            yield lent
            return
        try:
            self._here.until_s = inf if within_s is None else time.monotonic() + within_s
            conn = self.conn() if within_s is None else self._hurried(self._here.until_s)
            conn.execute("BEGIN")
            self._here.lent = conn
            try:
                yield conn
            finally:
                self._here.lent = None
                if within_s is not None:
                    conn.set_progress_handler(None, 0)
                conn.execute("ROLLBACK")
        except sqlite3.DatabaseError as error:
            if within_s is not None and kind_of(error) in _TOO_SLOW:
                raise TooSlow("it takes longer than it may") from error
            if is_the_files(error):
                raise Unavailable(f"the database cannot be read: {error}") from error
            raise

    def _hurried(self, until_s: float) -> sqlite3.Connection:
        """This thread's own for what may not take long: it waits for no lock either."""
        conn: sqlite3.Connection | None = getattr(self._here, "hurried", None)
        if conn is None:
            conn = self._here.hurried = self._open(busy_ms=0)
        conn.set_progress_handler(lambda: time.monotonic() > until_s, _STEPS_A_LOOK)
        return conn

    def _open(self, busy_ms: int) -> sqlite3.Connection:
        try:
            conn = connect(self._path, create=False, read_only=True, busy_ms=busy_ms)
        except Misuse as error:  # it could be opened before
            raise Unavailable(str(error)) from error
        self._opened.append(conn)
        return conn
