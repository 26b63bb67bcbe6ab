"""From the inbox into the log, in steps that somebody else times.

What enters: how many events a step may take. What leaves: how many it took, and what became of them. How far it came is
written in the same transaction, so each is filed once, whoever files. One that cannot be filed, by a bug of ours, holds
up no other: it is set aside. It derives nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from sqlite3 import Connection

import msgspec

from collector.event import Event
from collector.store import Tally
from collector.store.sqlite.care import Care, Harmed
from collector.store.sqlite.inbox import Inbox, pack, unpack
from collector.store.sqlite.keeping import FILED
from collector.store.sqlite.log import Appender

log = logging.getLogger(__name__)

# So many are filed and derived from at once: a long step, one transaction, takes no more memory than a short one.
PART_EVENTS = 250

_FILE = "INSERT OR REPLACE INTO meta (key, value) VALUES ('filed', ?)"
_SET_ASIDE = "INSERT INTO stuck (event) VALUES (?)"
_STUCK = "DELETE FROM stuck RETURNING event"


class Intake:
    """For the writing connection; the caller holds the transaction, and does it again with care where it is Undone."""

    def __init__(self, conn: Connection, inbox: Inbox, appender: Appender, care: Care) -> None:
        self._conn, self._inbox, self._appender, self._care = conn, inbox, appender, care
        self._tried_again = False

    def forget(self) -> None:
        """A transaction was rolled back: what had been tried again was not."""
        self._tried_again = False

    def filed(self) -> int:
        """The number of the last row of the inbox that is in the log."""
        row = self._conn.execute(FILED).fetchone()
        return row[0] if row else 0

    def file_all(self) -> Tally:
        """File whatever waits; returns what became of it."""
        every = Tally()
        while (filed := self.file(PART_EVENTS))[0]:
            every.add(filed[1])
        return every

    def file(self, events_max: int) -> tuple[int, Tally]:
        """File the oldest; returns how many were tried, also of those that cannot be read, and what became of them."""
        tally, events = Tally(), list[Event]()
        if not self._tried_again:
            # This Footfall may know better than the one before.
            events = [event for (packed,) in self._conn.execute(_STUCK).fetchall() for event in self._read(packed)]
        upto, tried = 0, len(events)
        for parcel in self._inbox.next(self.filed(), events_max):
            events += self._read(parcel.events)
            upto = parcel.id
            tried += parcel.n
        if events:
            self._file_or_set_aside(events, tally)
        self._tried_again = True
        if upto:
            self._conn.execute(_FILE, (upto,))
        return tried, tally

    def _read(self, packed: bytes) -> list[Event]:
        try:
            return unpack(packed)
        except msgspec.DecodeError as error:
            log.error("something that was accepted cannot be read and is set aside: %s", error)
            self._conn.execute(_SET_ASIDE, (packed,))
            return []

    def _file_or_set_aside(self, events: Sequence[Event], tally: Tally) -> None:
        try:
            with self._care.part():
                outcomes = self._appender.append(events)
        except Harmed:
            self._appender.forget()
            if len(events) == 1:
                log.exception("a call that was accepted cannot be stored and is set aside")
                self._conn.execute(_SET_ASIDE, (pack(list(events)),))
                return
            middle = len(events) // 2
            self._file_or_set_aside(events[:middle], tally)
            self._file_or_set_aside(events[middle:], tally)
            return
        for event, outcome in zip(events, outcomes, strict=True):
            tally.count(event, outcome)
