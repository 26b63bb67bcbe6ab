"""The keys of a file's own hashes: of message ids, of who was erased, of which inbox is whose.

What enters: a key's name. What leaves: the key. Whoever only makes calls safe reads them and loads nothing of this.
"""

from __future__ import annotations

import secrets
import sqlite3


def hash_key(conn: sqlite3.Connection, name: str) -> bytes:
    """A key of this file's own hashes, made once: a stranger can neither guess a hash nor make two collide."""
    while (row := conn.execute("SELECT value FROM meta WHERE key = ?", (name,)).fetchone()) is None:
        conn.execute("INSERT OR IGNORE INTO meta (key, value) VALUES (?, ?)", (name, secrets.token_bytes(16)))
    key: bytes = row[0]
    return key
