"""Sign-in links and sessions: two small tables of hashes.

What enters: a connection, hashes, times. What leaves: whether a link or a session holds. It knows no secret.
"""

from __future__ import annotations

import sqlite3

from collector.store.sessions import IDLE_MS_MAX, LINK_MS_MAX, SESSION_MS_MAX, KeptSession

# All by primary key, but the two sweeps: those tables hold a handful of rows.
PUT_LINK = "INSERT INTO signin_links (hash, expires) VALUES (?, ?)"
SWEEP_LINKS = "DELETE FROM signin_links WHERE expires <= ?"
LINK_HOLDS = "SELECT 1 FROM signin_links WHERE hash = ? AND expires > ?"
USE_LINK = "DELETE FROM signin_links WHERE hash = ? AND expires > ?"
PUT_SESSION = "INSERT INTO sessions (hash, created, seen) VALUES (?, ?, ?)"
SWEEP_SESSIONS = "DELETE FROM sessions WHERE seen <= ? OR created <= ?"
SESSION = "SELECT hash, created, seen FROM sessions WHERE hash = ?"
TOUCH = "UPDATE sessions SET seen = max(seen, ?) WHERE hash = ?"
END = "DELETE FROM sessions WHERE hash = ?"


def put_link(conn: sqlite3.Connection, hash: str, at: int) -> None:
    """Keep a link; those that are too old leave."""
    conn.execute(SWEEP_LINKS, (at,))
    conn.execute(PUT_LINK, (hash, at + LINK_MS_MAX))


def link_holds(conn: sqlite3.Connection, hash: str, at: int) -> bool:
    return conn.execute(LINK_HOLDS, (hash, at)).fetchone() is not None


def sign_in(conn: sqlite3.Connection, link: str, session: str, before: str | None, at: int) -> bool:
    """Within the caller's transaction, which takes the write lock first: of two at once, one finds the link gone."""
    if conn.execute(USE_LINK, (link, at)).rowcount == 0:
        return False
    conn.execute(SWEEP_SESSIONS, (at - IDLE_MS_MAX, at - SESSION_MS_MAX))
    conn.execute(PUT_SESSION, (session, at, at))
    if before is not None:
        sign_out(conn, before)
    return True


def session(conn: sqlite3.Connection, hash: str, at: int) -> KeptSession | None:
    row = conn.execute(SESSION, (hash,)).fetchone()
    kept = KeptSession(hash=row[0], created=row[1], seen=row[2]) if row else None
    return kept if kept and kept.holds(at) else None


def touch(conn: sqlite3.Connection, hash: str, at: int) -> None:
    conn.execute(TOUCH, (at, hash))


def sign_out(conn: sqlite3.Connection, hash: str) -> None:
    conn.execute(END, (hash,))
