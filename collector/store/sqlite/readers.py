"""Connections that only read, one for each thread that asks, and the snapshots that look-ups see.

What enters: a path and what is to be asked. What leaves: the answer, from one state of the file. A reader never waits
for the writer, nor makes it wait.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from collector.errors import Misuse, Unavailable
from collector.store.sqlite.connection import connect, is_the_files

T = TypeVar("T")


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
            try:
                conn = connect(self._path, create=False, read_only=True)
            except Misuse as error:  # it could be opened before
                raise Unavailable(str(error)) from error
            self._here.conn = conn
            self._opened.append(conn)
        return conn

    def ask(self, ask: Callable[[sqlite3.Connection], T]) -> T:
        """One look-up. Raises Unavailable where the file cannot be read."""
        with self.snapshot() as conn:
            return ask(conn)

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """All that this thread asks within sees one state of the file. Raises Unavailable as `ask` does."""
        if getattr(self._here, "within", False):
            yield self._here.conn
            return
        try:
            conn = self.conn()
            conn.execute("BEGIN")
            self._here.within = True
            try:
                yield conn
            finally:
                self._here.within = False
                conn.execute("ROLLBACK")
        except sqlite3.DatabaseError as error:
            if is_the_files(error):
                raise Unavailable(f"the database cannot be read: {error}") from error
            raise
