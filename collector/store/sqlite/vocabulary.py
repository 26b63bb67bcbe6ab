"""Names in use, as hashes: one small table.

What enters: a connection, hashes. What leaves: hashes, by the names of their sites.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from collector.store.vocabulary import Word, WordKind

WORDS = "SELECT sites.name, kind, hash FROM vocabulary JOIN sites ON sites.id = vocabulary.site"
PUT = "INSERT OR IGNORE INTO vocabulary (site, kind, hash) SELECT id, ?, ? FROM sites WHERE name = ?"


def words(conn: sqlite3.Connection) -> list[Word]:
    """All of them."""
    return [Word(site, WordKind(kind), hash) for site, kind, hash in conn.execute(WORDS)]


def put(conn: sqlite3.Connection, new: Iterable[Word]) -> None:
    """From now on these are in use too."""
    conn.executemany(PUT, [(int(word.kind), word.hash, word.site) for word in new])
