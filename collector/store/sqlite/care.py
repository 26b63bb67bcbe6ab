"""Work on many events of which one may be met by a bug of ours: that one is set aside, and the others are done.

What enters: a part of a transaction. What leaves: whether it went well. First all is done without care: to be able to
undo a part by itself, SQLite keeps a copy of each page that it changes, megabytes in a large database.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

from collector.store.sqlite.connection import is_the_files

T = TypeVar("T")
log = logging.getLogger(__name__)


class Undone(Exception):
    """A bug was met without care: undo the transaction, and do its work again with care."""


class Harmed(Exception):
    """A bug was met with care: the part is undone, as if it had not been begun."""


class Care:
    """For the writing connection."""

    def __init__(self, conn: sqlite3.Connection, transaction: Callable[[], AbstractContextManager[object]]) -> None:
        self._conn, self._transaction = conn, transaction
        self._taken = False

    def done(self, work: Callable[[], T]) -> T:
        """Have this done in one transaction; where a bug undoes it, once more with care."""
        try:
            with self._transaction():
                return work()
        except Undone as undone:
            log.warning("a bug was met; it is done once more, with care", exc_info=undone.__cause__)
        with self.taken(), self._transaction():
            return work()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Within, a part can be undone."""
        self._taken = True
        try:
            yield
        finally:
            self._taken = False

    @contextmanager
    def part(self) -> Iterator[None]:
        """Raises Undone or Harmed for a bug; an error of the file or its disk goes on as it is."""
        if self._taken:
            self._conn.execute("SAVEPOINT part")
        try:
            yield
        except Exception as error:
            if isinstance(error, sqlite3.OperationalError) or is_the_files(error):
                raise
            if not self._taken:
                raise Undone from error
            self._conn.execute("ROLLBACK TO part")
            self._conn.execute("RELEASE part")
            raise Harmed from error
        if self._taken:
            self._conn.execute("RELEASE part")
