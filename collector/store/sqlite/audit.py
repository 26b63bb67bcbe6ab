"""The audit log: deeds, alike ones within some minutes in one row; a person who is gone is known by a keyed hash alone.

What enters: a connection, deeds. What leaves: deeds, newest first. It follows no links and judges nobody.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from hashlib import blake2b

from collector.store.audit import ALIKE_MS, KEPT_MS, OF_PERSONS, Act, Actor, By, Deed
from collector.store.keys import Kind, customer_key, read_key
from collector.store.sqlite.dictionary import pack_id

# Index audit_subject.
AGAIN = """
UPDATE audit SET n = n + ?1, last = max(last, ?2) WHERE id = (
    SELECT max(id) FROM audit WHERE subject = ?3 AND act = ?4 AND kind = ?5 AND who = ?6) AND time > ?2 - ?7
"""
NOTE = "INSERT INTO audit (time, last, n, kind, who, act, subject, hashed) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
SWEEP = "DELETE FROM audit WHERE last < ?"  # index audit_time
BEARER = "SELECT 1 FROM persons WHERE value = ? AND kind = ? AND space = ?"
VISITOR = "SELECT 1 FROM visitors WHERE visitor = ?"
# Index audit_time, downwards; index audit_subject where a subject is asked for.
DEEDS = """
SELECT id, time, last, n, kind, who, act, subject, hashed FROM audit
WHERE (last, id) < (?1, ?2) ORDER BY last DESC, id DESC LIMIT ?3
"""
DEEDS_OF = """
SELECT id, time, last, n, kind, who, act, subject, hashed FROM audit
WHERE subject IN (SELECT value FROM json_each(?4)) AND (last, id) < (?1, ?2) ORDER BY last DESC, id DESC LIMIT ?3
"""
NOW_ON = (2**63 - 1, 2**63 - 1)
# Index audit_subject, of visitors alone; who is gone is there as a hash.
ASKED = """
SELECT subject, max(last) FROM audit AS asked
WHERE subject >= 'visitor:' AND subject < 'visitor;' AND kind = 'visitor' AND act = 'erased' AND hashed = 0
    AND NOT EXISTS (SELECT 1 FROM audit AS settled WHERE settled.subject = asked.subject
                    AND settled.act = 'settled a request' AND settled.last >= asked.last)
GROUP BY subject ORDER BY max(last) DESC LIMIT ?
"""
SUBJECTS = """
SELECT DISTINCT subject FROM audit WHERE hashed = 0 AND act IN (SELECT value FROM json_each(?))
"""
HASH = "UPDATE audit SET subject = ?, hashed = 1 WHERE subject = ? AND hashed = 0"


class AuditLog:
    """Through one connection; the caller holds the transaction. `hash_key` is that of the erasures' receipts."""

    def __init__(self, conn: sqlite3.Connection, hash_key: bytes) -> None:
        self._conn, self._hash_key = conn, hash_key

    def note(self, deeds: Iterable[Deed]) -> None:
        for deed in deeds:
            subject, hashed = self._subject(deed)
            actor = deed.actor
            alike = (deed.n, deed.last, subject, deed.act.value, actor.by.value, actor.name, ALIKE_MS)
            if self._conn.execute(AGAIN, alike).rowcount == 0:
                who = (actor.by.value, actor.name, deed.act.value)
                self._conn.execute(NOTE, (deed.time, deed.last, deed.n, *who, subject, hashed))
            self._conn.execute(SWEEP, (deed.last - KEPT_MS,))

    def deeds(self, key: str | None, before: tuple[int, int] | None, limit: int) -> list[Deed]:
        page = (*(before or NOW_ON), limit)
        if key is None:
            rows = self._conn.execute(DEEDS, page)
        else:
            canonical = canonical_key(key)
            rows = self._conn.execute(DEEDS_OF, (*page, _json(canonical, self.hash(canonical))))
        return [
            Deed(
                id=id,
                time=time,
                last=last,
                n=n,
                actor=Actor(By(by), who),
                act=Act(act),
                subject=subject,
                hashed=bool(hashed),
            )
            for id, time, last, n, by, who, act, subject, hashed in rows
        ]

    def asked_erasure(self, limit: int) -> list[tuple[str, int]]:
        return self._conn.execute(ASKED, (limit,)).fetchall()

    def forget_absent(self, keys: Iterable[str] | None = None) -> None:
        """After an erasure: of persons and visitors who are not there any more only the hashes of their keys stay.

        `keys`: who may be gone; None: anybody.
        """
        if keys is None:
            keys = [subject for (subject,) in self._conn.execute(SUBJECTS, (_json(*OF_PERSONS),))]
        absent = [key for key in keys if not self._is_there(key)]
        self._conn.executemany(HASH, [(self.hash(key), key) for key in absent])

    def hash(self, key: str) -> str:
        """As in the receipt of an erasure."""
        return blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16, key=self._hash_key).hexdigest()

    def _subject(self, deed: Deed) -> tuple[str, int]:
        if deed.act not in OF_PERSONS or not deed.subject:
            return deed.subject, 0
        key = canonical_key(deed.subject)
        return (key, 0) if self._is_there(key) else (self.hash(key), 1)

    def _is_there(self, key: str) -> bool:
        sought = read_key(key)
        if sought.kind is Kind.VISITOR:
            row = self._conn.execute(VISITOR, (pack_id(sought.value),)).fetchone()
        else:
            row = self._conn.execute(BEARER, (sought.value, int(sought.kind), sought.space)).fetchone()
        return row is not None


def canonical_key(key: str) -> str:
    """One text for all the ways to write a key."""
    read = read_key(key)
    return customer_key(read.kind, read.space, read.value)


def _json(*texts: str) -> str:
    return json.dumps(texts)
