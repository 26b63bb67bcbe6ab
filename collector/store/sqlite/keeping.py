"""Making calls safe before they are filed: all that whoever takes them in has to do with a database.

What enters: events that were accepted. What leaves: a ticket, once they are on disk. It reads the database and writes
beside it, into the inbox; of what is derived it loads nothing, so that a process of its own stays small.
"""

from __future__ import annotations

from collections.abc import Sequence

from collector.event import Event
from collector.store.sqlite.admission import Admission
from collector.store.sqlite.inbox import Inbox
from collector.store.sqlite.readers import Readers

FILED = "SELECT value FROM meta WHERE key = 'filed'"
_SECRETS = "SELECT (SELECT value FROM meta WHERE key = 'erasure_key'), (SELECT value FROM meta WHERE key = 'inbox_key')"


class Keeping:
    """For one thread, and another one that discards."""

    def __init__(self, readers: Readers, inbox: Inbox, hash_key: bytes) -> None:
        self._readers, self._inbox = readers, inbox
        self._admission = Admission(readers, hash_key)

    @classmethod
    def open(cls, path: str) -> Keeping:
        """For a database that is open elsewhere to be written. Raises NotFound, Unavailable."""
        readers = Readers(path)
        hash_key, inbox_key = readers.conn().execute(_SECRETS).fetchone()
        return cls(readers, Inbox(path, inbox_key), hash_key)

    def accept(self, events: Sequence[Event]) -> int | None:
        if not self._admission.is_plain(events):
            return None
        return self._inbox.put(events, self._filed)

    def discard(self, filed: int) -> None:
        self._inbox.remove(filed)

    def close(self) -> None:
        self._inbox.close()
        self._readers.close()

    def _filed(self) -> int:
        row = self._readers.conn().execute(FILED).fetchone()
        return row[0] if row else 0
