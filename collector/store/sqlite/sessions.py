"""Sign-in links and sessions: two small tables of hashes.

What enters: a connection, hashes, times. What leaves: whether a link or a session holds. It knows no secret.
"""

from __future__ import annotations

import sqlite3

from collector.store.sessions import IDLE_MS_MAX, LINK_MS_MAX, SESSION_MS_MAX, KeptSession
from collector.store.users import Role

# All by primary key, but the two sweeps: those tables hold a handful of rows.
PUT_LINK = "INSERT INTO signin_links (hash, expires) VALUES (?, ?)"
SWEEP_LINKS = "DELETE FROM signin_links WHERE expires <= ?"
LINK_HOLDS = "SELECT 1 FROM signin_links WHERE hash = ? AND expires > ?"
USE_LINK = "DELETE FROM signin_links WHERE hash = ? AND expires > ?"
PUT_SESSION = "INSERT INTO sessions (hash, created, seen, user) VALUES (?, ?, ?, ?)"
SWEEP_SESSIONS = "DELETE FROM sessions WHERE seen <= ? OR created <= ?"
# Of a user who is no longer there nothing comes.
SESSION = """
SELECT sessions.hash, sessions.created, seen, user, role FROM sessions LEFT JOIN users ON users.name = user
WHERE hash = ? AND (user IS NULL OR role IS NOT NULL)
"""
TOUCH = "UPDATE sessions SET seen = max(seen, ?) WHERE hash = ?"
END = "DELETE FROM sessions WHERE hash = ?"
END_ALL_OF = "DELETE FROM sessions WHERE user = ?"


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
    begin(conn, session, None, before, at)
    return True


def begin(conn: sqlite3.Connection, session: str, user: str | None, before: str | None, at: int) -> None:
    """A session from now on; the one before ends, and those that are too old leave."""
    conn.execute(SWEEP_SESSIONS, (at - IDLE_MS_MAX, at - SESSION_MS_MAX))
    conn.execute(PUT_SESSION, (session, at, at, user))
    if before is not None:
        sign_out(conn, before)


def session(conn: sqlite3.Connection, hash: str, at: int) -> KeptSession | None:
    row = conn.execute(SESSION, (hash,)).fetchone()
    if row is None:
        return None
    role = Role(row[4]) if row[3] is not None else Role.OWNER
    kept = KeptSession(hash=row[0], created=row[1], seen=row[2], user=row[3], role=role)
    return kept if kept.holds(at) else None


def touch(conn: sqlite3.Connection, hash: str, at: int) -> None:
    conn.execute(TOUCH, (at, hash))


def sign_out(conn: sqlite3.Connection, hash: str) -> None:
    conn.execute(END, (hash,))


def end_all_of(conn: sqlite3.Connection, user: str) -> None:
    conn.execute(END_ALL_OF, (user,))
