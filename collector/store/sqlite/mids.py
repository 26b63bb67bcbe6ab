"""Which messageIds the log holds: hashes of them, packed into buckets, at half of what a row each takes.

What enters: messageIds as they are stored, with the seqs of their events. What leaves: seqs that may bear them.
A bucket holds the hashes from its start up to the next one's; one that is full is divided, as a leaf of a B-tree is.
The hash is keyed: nobody outside can make ids that collide.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b

import msgspec
from msgspec import Struct

from collector.store.sqlite.rows import Insert

# An entry: the last 3 of 4 bytes of the hash, the first being the bucket's; then 3 of the seq, never all zero: of very
# great seqs there are several.
MARK_BYTES, ENTRY_BYTES, BUCKET_BYTES_MAX = 3, 6, 6 * 64
TOP, MARK, SEQS = 0xFF000000, 0x00FFFFFF, 0x00FFFFFF
# Behind the entries there may be zeros: a row that keeps its size is overwritten in place, at half the cost.
ROUND_BYTES = 4 * ENTRY_BYTES

# Primary key of mids, down from each hash.
_READ = f"""
SELECT sought.value, mids.start, mids.entries FROM json_each(?) AS sought CROSS JOIN mids ON mids.start = (
    SELECT start FROM mids WHERE start BETWEEN sought.value & {TOP} AND sought.value ORDER BY start DESC LIMIT 1)
"""
_WRITE = Insert("INSERT OR REPLACE INTO mids (start, entries)", columns=2)
_KEY = "SELECT value FROM meta WHERE key = 'mid_key'"
_CHOSEN = "SELECT seq, mid FROM events WHERE seq IN (SELECT value FROM json_each(?))"


class Looked(Struct, frozen=True):
    """Of some messageIds the hashes; of each hash the start of its bucket; and the buckets."""

    hashes: list[int]
    starts: dict[int, int]
    held: dict[int, bytes]


class Mids:
    """The buckets, for the writing connection; the caller holds the transaction."""

    def __init__(self, conn: sqlite3.Connection, key: bytes) -> None:
        self._conn, self._key = conn, key

    def look(self, mids: Iterable[str | bytes]) -> Looked:
        """Read the buckets of these messageIds."""
        hashes = [self._hash(mid) for mid in mids]
        starts: dict[int, int] = {hash: hash & TOP for hash in hashes}
        held: dict[int, bytes] = {}
        for hash, start, entries in self._conn.execute(_READ, (msgspec.json.encode(hashes).decode(),)).fetchall():
            starts[hash] = start
            held[start] = entries
        return Looked(hashes, starts, held)

    def add(self, looked: Looked, new: Sequence[tuple[int, int]]) -> None:
        """Take in new events, each as (place among what was looked for, seq)."""
        held, grown = looked.held, dict[int, bytes]()
        for place, seq in new:
            hash = looked.hashes[place]
            start = looked.starts[hash]
            grown[start] = (grown.get(start) or _used(held.get(start, b""))) + _entry(hash, seq)
        rows: list[tuple[int, bytes]] = []
        for start, entries in grown.items():
            rows += [(start, entries)] if len(entries) <= BUCKET_BYTES_MAX else _divided(start, entries)
        _WRITE.run(self._conn, sorted((start, _padded(entries)) for start, entries in rows))

    def take_out(self, chosen: str) -> None:
        """These events leave the log, and are there still; `chosen` is a JSON list of their seqs."""
        rows = self._conn.execute(_CHOSEN, (chosen,)).fetchall()
        looked = self.look(mid for _, mid in rows)
        held = looked.held
        for (seq, _), hash in zip(rows, looked.hashes, strict=True):
            start, gone = looked.starts[hash], _entry(hash, seq)
            held[start] = b"".join([entry for entry in _entries(_used(held.get(start, b""))) if entry != gone])
        _WRITE.run(self._conn, sorted((start, _padded(entries)) for start, entries in held.items()))

    def _hash(self, mid: str | bytes) -> int:
        written = mid if isinstance(mid, bytes) else b"text:" + mid.encode()
        return int.from_bytes(blake2b(written, digest_size=4, key=self._key).digest(), "big")


def seqs(looked: Looked, last: int) -> Iterator[int]:
    """The events up to the seq `last` that may bear one of the messageIds."""
    for hash in looked.hashes:
        entries = looked.held.get(looked.starts[hash], b"")
        mark = (hash & MARK).to_bytes(MARK_BYTES, "big")
        at = entries.find(mark)
        while at >= 0:
            if at % ENTRY_BYTES == 0:
                least = int.from_bytes(entries[at + MARK_BYTES : at + ENTRY_BYTES], "big") - 1
                yield from range(max(least, 0), last + 1, SEQS)
            at = entries.find(mark, at + 1)


def take_out(conn: sqlite3.Connection, chosen: str) -> None:
    """Before events leave the log: so do their messageIds. `chosen` is a JSON list of seqs."""
    Mids(conn, conn.execute(_KEY).fetchone()[0]).take_out(chosen)


def _divided(start: int, entries: bytes) -> list[tuple[int, bytes]]:
    """Two buckets, or still one where all its hashes are alike."""
    each = sorted(_entries(entries))
    marks = [entry[:MARK_BYTES] for entry in each]
    middle = marks[len(marks) // 2]
    at = marks.index(middle) or next((place for place, mark in enumerate(marks) if mark != middle), 0)
    if at == 0:
        return [(start, entries)]
    begins = start & TOP | int.from_bytes(marks[at], "big")
    return [(start, b"".join(each[:at])), (begins, b"".join(each[at:]))]


def _entry(hash: int, seq: int) -> bytes:
    return ((hash & MARK) << 24 | seq % SEQS + 1).to_bytes(ENTRY_BYTES, "big")


def _used(entries: bytes) -> bytes:
    """Without the zeros behind."""
    used = len(entries.rstrip(b"\0"))
    return entries[: used + -used % ENTRY_BYTES]


def _padded(entries: bytes) -> bytes:
    return entries + bytes(-len(entries) % ROUND_BYTES)


def _entries(entries: bytes) -> list[bytes]:
    return [entries[at : at + ENTRY_BYTES] for at in range(0, len(entries), ENTRY_BYTES)]
