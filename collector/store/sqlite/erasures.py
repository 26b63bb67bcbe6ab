"""Erasures from beginning to end: the transaction, the tombstones beside the database, and the clean-up of the file.

What enters: a key, or tombstones that a restored backup does not know. What leaves: a receipt, once nothing of it is in
the database, nor in its WAL, any more.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from secrets import token_hex

from collector.errors import Unavailable
from collector.store import Receipt
from collector.store.keys import Kind, customer_key
from collector.store.sqlite.audit import AuditLog
from collector.store.sqlite.browsing import browsing_of
from collector.store.sqlite.choosing import NOT_SURVEYED, Choosing, Chosen, Survey
from collector.store.sqlite.consenting import Consenting
from collector.store.sqlite.erasing import Erased, Eraser, erasure_of
from collector.store.sqlite.graveyard import Erasure, burying
from collector.store.sqlite.inbox import Inbox
from collector.store.sqlite.log import Appender
from collector.store.sqlite.projection import Projection
from collector.store.sqlite.remains import blank, soiled
from collector.store.sqlite.tombstones import Tombstones
from collector.store.sqlite.usage import Usage

CLEAN_MS_MAX = 2_000  # how long an erasure waits for those who read

# Copies of what is gone may stand where no row is, until somebody has looked (remains.py).
SOILED = "SELECT value FROM meta WHERE key = 'soiled'"
_SOIL = "INSERT OR REPLACE INTO meta (key, value) VALUES ('soiled', ?)"
_SCRUBBED = "DELETE FROM meta WHERE key = 'soiled' AND value = ?"

READ_ON = "somebody reads what was before; copies of what was erased go later"

Transaction = Callable[[], AbstractContextManager[sqlite3.Connection]]


class Erasures:
    """For the writing connection; everything has been derived before."""

    def __init__(
        self,
        conn: sqlite3.Connection,
        path: str,
        hash_key: bytes,
        parts: tuple[Projection, Appender, Tombstones, Consenting],
        inbox: Inbox,
        transaction: Transaction,
    ) -> None:
        self._conn, self._path, self._hash_key, self._transaction = conn, path, hash_key, transaction
        self._inbox = inbox
        self._projection, self._appender, self._tombstones, self._consenting = parts
        self._journal_is_due = False

    def erase(self, key: str, at: int, survey: Survey) -> Receipt:
        """Take out a customer or a visitor. Raises NotFound, and Unavailable where it cannot be written down."""
        with burying(self._path, self._hash_key, self._buried) as bury, self._transaction() as conn:
            chosen = Choosing(conn, self._hash_key).choose(key, at, survey)
            erased, erasure = self._take_out(chosen, at, survey.usage)
            bury(erasure)
        self._clean_journal(CLEAN_MS_MAX)
        return erased.receipt

    def erase_browsing(self, site: str, visitor: str, at: int) -> Receipt:
        """Take out what a browser told a site; from now on it is as one that has withdrawn. Raises Unavailable."""
        with burying(self._path, self._hash_key, self._buried) as bury, self._transaction() as conn:
            browsing = browsing_of(conn, self._hash_key, site, visitor, at)
            erased = None
            if browsing.chosen is not None:
                eraser = Eraser(conn, self._projection, self._tombstones)
                erased = self._derive_without(eraser, browsing.chosen, at)
                buried = eraser.sweep_later(erased)
                AuditLog(conn, self._hash_key).forget_absent([customer_key(Kind.VISITOR, "", visitor)])
                self._forget()
                bury(erasure_of(browsing.chosen, buried))
            if browsing.is_known:
                self._consenting.close_to(site, visitor, at)
        self.clean()
        if erased:
            return erased.receipt
        return Receipt(hash=browsing.hash, events=0, visitors=int(browsing.is_known), quarantined=0)

    def erase_again(self, erasures: list[Erasure]) -> int:
        """Take out whoever the file does not know to be erased; returns the number of events."""
        with self._transaction() as conn:
            self._tombstones.put(each for one in erasures for each in one.tombstones)
            done = set(conn.execute("SELECT time, customer_hash FROM erasures"))
            since = [one for one in erasures if (one.time, one.erased) not in done]
            if not since:
                return 0
            chosen = Choosing(conn, self._hash_key).choose_again(since, self._tombstones.hashes)
            self._take_out(chosen, max(one.time for one in since), NOT_SURVEYED.usage)
        self._clean_journal(CLEAN_MS_MAX)
        return len(chosen.seqs)

    def blank(self, pages: Sequence[int]) -> None:
        """Raises Unavailable while somebody reads on."""
        if not blank(self._path, pages):
            raise Unavailable(READ_ON)

    def scrubbed(self, mark: str) -> None:
        with self._transaction() as conn:
            conn.execute(_SCRUBBED, (mark,))

    def clean_if_due(self) -> None:
        """Whoever read while somebody was erased may be done by now."""
        if self._journal_is_due:
            self.clean()

    def clean(self) -> None:
        """Nothing of what was overwritten stays in the WAL; as soon as nobody reads there."""
        self._clean_journal(0)

    def _take_out(self, chosen: Chosen, at: int, usage: Usage) -> tuple[Erased, Erasure]:
        eraser = Eraser(self._conn, self._projection, self._tombstones)
        erased = self._derive_without(eraser, chosen, at)
        buried = eraser.sweep(erased, usage, at)
        self._projection.sweep_words()
        AuditLog(self._conn, self._hash_key).forget_absent()
        self._forget()
        return erased, erasure_of(chosen, buried)

    def _derive_without(self, eraser: Eraser, chosen: Chosen, at: int) -> Erased:
        erased = eraser.take_out(chosen, at)
        self._conn.execute(_SOIL, (token_hex(8),))
        self._projection.forget()
        self._projection.resettle(erased.visitors, erased.persons, erased.orders)
        return erased

    def _forget(self) -> None:
        """What is known of the file by heart may be gone from it."""
        self._appender.forget()
        self._projection.forget()

    def _buried(self) -> list[Erasure]:
        """All tombstones of old, where their file is new or was lost."""
        return [Erasure(0, "", known)] if (known := self._tombstones.all()) else []

    def _clean_journal(self, patience_ms: int) -> None:
        """What was overwritten in the file may still stand in the WAL; while somebody reads there, it is due."""
        usual_ms = self._conn.execute("PRAGMA busy_timeout").fetchone()[0]
        self._conn.execute(f"PRAGMA busy_timeout = {patience_ms}")
        busy = bool(self._conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0])
        self._journal_is_due = not self._inbox.clean() or busy
        self._conn.execute(f"PRAGMA busy_timeout = {usual_ms}")


def look_for_remains(path: str) -> list[int]:
    """Pages that may hold copies of what is gone. Raises Unavailable while somebody reads on."""
    found = soiled(path)
    if found is None:
        raise Unavailable(READ_ON)
    return found
