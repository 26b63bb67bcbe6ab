"""The consent log, and who has withdrawn: what visitors allow and refuse, as they said it, at once.

What enters: entries that are about to be stored. What leaves: those that may be, and rows of `consent_log`. A refusal
is kept only of a visitor of whom something is kept already, and of its call no more than what was refused, and when.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from typing import Any

import msgspec

from collector.enrich.consent import ANALYTICS
from collector.event import CONSENT_CHANGED, Dropped, Event
from collector.store import Entry, Left
from collector.store.sqlite.dictionary import pack_id

_ADD = """
INSERT INTO consent_log
    (seq, site, time, received, mid, visitor, user, email, granted, refused, text, language, version, url)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_ANY = "SELECT 1 FROM withdrawals LIMIT 1"
_WITHDRAWN = "SELECT hash FROM withdrawals WHERE hash IN (SELECT value FROM json_each(?))"
_WITHDRAW = "INSERT OR REPLACE INTO withdrawals (hash, time) VALUES (?, ?)"
_CLOSE = "INSERT OR IGNORE INTO withdrawals (hash, time) VALUES (?, ?)"
_GRANT = "DELETE FROM withdrawals WHERE hash = ?"
# Unique index of visitors, then index events_timeline.
_KNOWN = "SELECT 1 FROM events WHERE subject = (SELECT id FROM visitors WHERE visitor = ?) LIMIT 1"
# A withdrawal has a number in the log's own order, which no event has then.
_TAKE_NUMBER = "UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'events' RETURNING seq"
# The keyed hash of who it was is all that an erasure leaves of who.
_FORGET = """
UPDATE consent_log SET who_hash = ?1, mid = NULL, visitor = NULL, user = NULL, email = NULL, url = ''
WHERE who_hash = '' AND {}
"""
_OF_SEQS = "seq IN (SELECT value FROM json_each(?2))"
_OF_VISITOR = "visitor = ?2 AND time BETWEEN ?3 AND ?4 AND ifnull(site = (SELECT id FROM sites WHERE name = ?5), 1)"


class Consenting:
    """For the writing connection; the caller holds the transaction."""

    def __init__(self, conn: sqlite3.Connection, key: bytes) -> None:
        self._conn, self._key = conn, key
        self._some_have_withdrawn: bool | None = None
        self._said: list[Left] = []

    def forget(self) -> None:
        """Another process has written, or a transaction was rolled back."""
        self._some_have_withdrawn = None
        self._said.clear()

    def admit(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        """The entries, in their order, without what visitors sent after they had withdrawn."""
        if not self._any() and not any(isinstance(entry, Left) and entry.withdrawal for entry in entries):
            return entries
        hashes = [self._hash(entry) for entry in entries]
        sought = msgspec.json.encode([hash for hash in hashes if hash is not None]).decode()
        withdrawn = {hash for (hash,) in self._conn.execute(_WITHDRAWN, (sought,))}
        admitted: list[Entry] = []
        here: set[str] = set()
        for entry, hash in zip(entries, hashes, strict=True):
            if isinstance(entry, Left):
                if hash is not None and self._withdraw(entry, hash, here):
                    withdrawn.add(hash)
            elif hash in withdrawn and isinstance(entry, Event) and _grants(entry):
                withdrawn.discard(hash)
                self._conn.execute(_GRANT, (hash,))
            elif hash in withdrawn:
                entry = Left(site=entry.site, why=Dropped.CONSENT, received=entry.received)
            if isinstance(entry, Event) and entry.visitor:
                here.add(entry.visitor)
            admitted.append(entry)
        return admitted

    def concerns(self, events: Sequence[Event]) -> bool:
        """Whether one of these is of a visitor who has withdrawn."""
        if not self._any():
            return False
        hashes = [hash for event in events if (hash := self._hash(event)) is not None]
        return self._conn.execute(_WITHDRAWN, (msgspec.json.encode(hashes).decode(),)).fetchone() is not None

    def close_to(self, site: str, visitor: str, at: int) -> None:
        """As a withdrawal, where none was heard yet; it is not logged, since nothing will be kept of that visitor."""
        self._conn.execute(_CLOSE, (self._hash_of(site, visitor), at))
        self._some_have_withdrawn = True

    def log(self, stored: Iterable[tuple[int, int, Event]]) -> None:
        """Write down what these calls (seq, site, event) said."""
        rows = []
        for seq, site, event in stored:
            told = msgspec.json.decode(event.properties) if event.properties else {}
            shown = (_text(told.get(name)) for name in ("text", "language", "version"))
            who = (event.visitor and pack_id(event.visitor), event.user, event.email)
            said = (event.consent, event.refused, *shown, event.url)
            rows.append((seq, site, event.time, event.received, pack_id(event.id), *who, *said))
        self._conn.executemany(_ADD, rows)

    def log_withdrawals(self, site_of: Callable[[str], int]) -> None:
        """Write down what `admit` heard."""
        rows = []
        for left in self._said:
            said_no = left.withdrawal
            assert said_no is not None
            seq = self._conn.execute(_TAKE_NUMBER).fetchone()[0]
            shown = (said_no.text, said_no.language, said_no.version)
            who = (pack_id(said_no.visitor), None, None)
            rows.append(
                (seq, site_of(left.site), said_no.time, left.received, None, *who, "", said_no.refused, *shown, "")
            )
        self._said.clear()
        self._conn.executemany(_ADD, rows)

    def _any(self) -> bool:
        if self._some_have_withdrawn is None:
            self._some_have_withdrawn = self._conn.execute(_ANY).fetchone() is not None
        return self._some_have_withdrawn

    def _withdraw(self, left: Left, hash: int, here: set[str]) -> bool:
        visitor = left.withdrawal.visitor if left.withdrawal else ""
        if visitor not in here and self._conn.execute(_KNOWN, (pack_id(visitor),)).fetchone() is None:
            return False
        self._conn.execute(_WITHDRAW, (hash, left.received))
        self._some_have_withdrawn = True
        self._said.append(left)
        return True

    def _hash(self, entry: Entry) -> int | None:
        """Of who sent it under the public key, at one site; the shop's own records are no affair of a browser's."""
        if isinstance(entry, Left):
            visitor = entry.withdrawal.visitor if entry.withdrawal else None
        elif entry.server:
            return None
        else:
            visitor = entry.visitor if isinstance(entry, Event) else _visitor_of(entry.raw)
        if not visitor:
            return None
        return self._hash_of(entry.site, visitor)

    def _hash_of(self, site: str, visitor: str) -> int:
        told = f"withdrawn\0{site}\0{visitor}".encode("utf-8", "surrogatepass")
        return int.from_bytes(blake2b(told, digest_size=8, key=self._key).digest(), "big", signed=True)


Withdrawals = tuple[str | bytes, int, int, str | None]  # whose, from, to, at which site; None: at all


def forget_who(conn: sqlite3.Connection, hash: str, seqs: str, withdrawn: Iterable[Withdrawals]) -> None:
    """An erasure: of these calls (a JSON list), and of these visitors' withdrawals, a keyed hash stays."""
    conn.execute(_FORGET.format(_OF_SEQS), (hash, seqs))
    conn.executemany(_FORGET.format(_OF_VISITOR), [(hash, *each) for each in withdrawn])


def _grants(event: Event) -> bool:
    return event.name == CONSENT_CHANGED and ANALYTICS in event.consent.split(",")


def _visitor_of(raw: bytes) -> str | None:
    try:
        message = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    visitor = message.get("anonymousId") if isinstance(message, dict) else None
    return visitor if isinstance(visitor, str) else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
