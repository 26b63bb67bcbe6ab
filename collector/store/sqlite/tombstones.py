"""Tombstones: keyed hashes of what was erased, which keep late calls, replays and old backups from bringing it back.

What enters: what was erased and until when; entries that want to be stored. What leaves: which of these may not. Only
calls of the time before an erasure are refused: whoever comes back later is somebody new.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Any
from urllib.parse import unquote

import msgspec

from collector.enrich.email_address import normalise_email
from collector.event import Event
from collector.moment import read_time
from collector.orders import order_id_of
from collector.properties import exact_properties
from collector.store import Entry, Left, Quarantined
from collector.store.sqlite.scanning import ALWAYS

_ADD = "INSERT OR IGNORE INTO tombstones (hash, from_time, to_time) VALUES (?, ?, ?)"
_ALL = "SELECT hash, from_time, to_time FROM tombstones"
# One probe of the primary key for each hash.
_FIND = f"{_ALL} WHERE hash IN (SELECT value FROM json_each(?))"
_SPACES = "SELECT name, ids FROM sites"

_TEXT = re.compile(rb'"((?:[^"\\]|\\.)*)"')
_NUMBER = re.compile(rb"[:\[,]\s*(-?\d{1,20})\b")
_PIECES = re.compile(r"[/?&=#;,<>\s]+")

Tombstone = tuple[int, int, int]  # hash, from, to


class Hashes:
    """The keyed hash of each kind of id, 64 bits: the same id under the same key is always the same number."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def message(self, site: str, server: bool, id: str) -> int:
        return self._of("message", site, str(int(server)), id)

    def user(self, space: str, user: str) -> int:
        return self._of("user", space, user)

    def email(self, email: str) -> int:
        return self._of("email", email)

    def visitor(self, visitor: str) -> int:
        return self._of("visitor", visitor)

    def browser(self, site: str, visitor: str) -> int:
        """Of a visitor's calls under one site's public key alone."""
        return self._of("browser", site, visitor)

    def order(self, site: str, order_id: str) -> int:
        return self._of("order", site, order_id)

    def _of(self, *parts: str) -> int:
        told = "\0".join(parts).encode("utf-8", "surrogatepass")
        return int.from_bytes(blake2b(told, digest_size=8, key=self._key).digest(), "big", signed=True)


Spans = dict[int, list[tuple[int, int]]]


class Naming:
    """By which ids entries of one file can be known."""

    def __init__(self, conn: sqlite3.Connection, key: bytes) -> None:
        self._conn, self.hashes = conn, Hashes(key)
        self._spaces: dict[str, str] = {}

    def within(self, entries: Sequence[Entry], spans: Spans) -> frozenset[int]:
        """The places in `entries` of what is known by one of these hashes, and happened within one of its spans."""
        told = [self.told_by(entry) for entry in entries]
        return frozenset(
            at
            for at, (hashes, time) in enumerate(told)
            if any(start <= time <= end for hash in hashes for start, end in spans.get(hash, ()))
        )

    def told_by(self, entry: Entry) -> tuple[list[int], int]:
        """The hashes by which an entry may be known, and the time that counts for it."""
        if isinstance(entry, Event):
            return list(self._of_event(entry)), entry.time
        if isinstance(entry, Left):
            return [], entry.received
        return list(self._of_refused(entry)), min(_time_of(entry.raw) or ALWAYS, entry.received)

    def _of_event(self, event: Event) -> Iterator[int]:
        hashes = self.hashes
        yield hashes.message(event.site, event.server, event.id)
        if event.user:
            yield hashes.user(event.space, event.user)
        if event.email:
            yield hashes.email(event.email)
        # What names somebody else on the same device is theirs.
        if event.visitor and not event.user and not event.email:
            yield hashes.visitor(event.visitor)
            if not event.server:
                yield hashes.browser(event.site, event.visitor)
        if event.previous:
            yield hashes.visitor(event.previous)
            yield hashes.user(event.space, event.previous)
        if '"order' in event.properties:
            yield from self._of_order(event)

    def _of_order(self, event: Event) -> Iterator[int]:
        order_id = order_id_of(event.type, event.name, exact_properties(event.properties))
        if order_id is not None:
            yield self.hashes.order(event.site, order_id)

    def _of_refused(self, refused: Quarantined) -> Iterator[int]:
        """A broken call is searched for anything that may be an id, wherever it stands."""
        hashes, space = self.hashes, self._space(refused.site)
        for word in words_of(refused.raw):
            yield hashes.message(refused.site, refused.server, word)
            yield hashes.user(space, word)
            yield hashes.visitor(word)
            if not refused.server:
                yield hashes.browser(refused.site, word)
            yield hashes.order(refused.site, word)
            if "@" in word and (email := normalise_email(word)):
                yield hashes.email(email)

    def _space(self, site: str) -> str:
        if not self._spaces:
            self._spaces = dict(self._conn.execute(_SPACES))
        return self._spaces.get(site, "")

    def forget(self) -> None:
        self._spaces.clear()


class Tombstones:
    """Those of one file, for its writing connection; the caller holds the transaction."""

    def __init__(self, conn: sqlite3.Connection, key: bytes) -> None:
        self._conn, self._naming = conn, Naming(conn, key)
        self._there_are: bool | None = None

    @property
    def hashes(self) -> Hashes:
        return self._naming.hashes

    def forget(self) -> None:
        """Another process has written, or a transaction was rolled back."""
        self._there_are = None
        self._naming.forget()

    def put(self, tombstones: Iterable[Tombstone]) -> None:
        self._conn.executemany(_ADD, tombstones)
        self._there_are = None

    def all(self) -> list[Tombstone]:
        return self._conn.execute(_ALL).fetchall()

    def refused(self, entries: Sequence[Entry]) -> frozenset[int]:
        """The places in `entries` of what belongs to somebody who was erased."""
        if not self._any():
            return frozenset()
        told = [self._naming.told_by(entry) for entry in entries]
        sought = msgspec.json.encode([hash for hashes, _ in told for hash in hashes]).decode()
        spans: Spans = {}
        for hash, start, end in self._conn.execute(_FIND, (sought,)):
            spans.setdefault(hash, []).append((start, end))
        return self._naming.within(entries, spans) if spans else frozenset()

    def _any(self) -> bool:
        if self._there_are is None:
            self._there_are = self._conn.execute("SELECT 1 FROM tombstones LIMIT 1").fetchone() is not None
        return self._there_are


def words_of(raw: bytes) -> set[str]:
    """Whatever may be an id in a call that could not be read: its texts, their pieces, its whole numbers."""
    words = {number.decode() for number in _NUMBER.findall(raw)}
    for text in map(_unescaped, _TEXT.findall(raw)):
        words |= pieces_of(text)
    return words


def pieces_of(text: str) -> set[str]:
    """A text, what stands between its separators, and both without their percent signs."""
    return {text.strip(), *(unquote(piece).strip() for piece in _PIECES.split(text)), *_PIECES.split(unquote(text))}


def _unescaped(text: bytes) -> str:
    try:
        read: str = msgspec.json.decode(b'"' + text + b'"', type=str)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return text.decode("utf-8", "replace")
    return read


def _time_of(raw: bytes) -> int | None:
    """When a call that could not be read says that it happened."""
    try:
        message: Any = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return read_time(message.get("timestamp")) if isinstance(message, dict) else None
