"""Whether events are plainly to be kept: none of somebody who was erased, none of a visitor who wants no more of it.

What enters: events that were accepted. What leaves: yes or no. It only reads, beside whoever writes; what is not plain
is judged one by one where the log is written.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from collector.errors import Unavailable
from collector.event import Event
from collector.store.sqlite.connection import is_the_files
from collector.store.sqlite.consenting import Consenting
from collector.store.sqlite.readers import Readers
from collector.store.sqlite.tombstones import Tombstones


class Admission:
    """For one thread."""

    def __init__(self, readers: Readers, key: bytes) -> None:
        self._readers, self._key = readers, key
        self._asked: tuple[sqlite3.Connection, Tombstones, Consenting] | None = None
        self._data_version = 0

    def is_plain(self, events: Sequence[Event]) -> bool:
        """Raises Unavailable where the file cannot be read."""
        try:
            conn, tombstones, consenting = self._asked = self._asked or self._open()
            version = conn.execute("PRAGMA data_version").fetchone()[0]
            if version != self._data_version:
                self._data_version = version
                tombstones.forget()
                consenting.forget()
            return not tombstones.refused(events) and not consenting.concerns(events)
        except sqlite3.DatabaseError as error:
            if is_the_files(error):
                raise Unavailable(f"the database cannot be read: {error}") from error
            raise

    def _open(self) -> tuple[sqlite3.Connection, Tombstones, Consenting]:
        conn = self._readers.conn()
        return conn, Tombstones(conn, self._key), Consenting(conn, self._key)
