"""Users and what ends with them: a small table, and the sessions that name it.

What enters: a connection and the port's own values. What leaves: users. It knows no password.
"""

from __future__ import annotations

import sqlite3

from collector.errors import Misuse, NotFound
from collector.store.sqlite import sessions
from collector.store.users import Role, User

USERS = "SELECT name, role, password, created FROM users ORDER BY name"
ADD = "INSERT INTO users (name, role, password, created) VALUES (?, ?, ?, ?)"
CHANGE = "UPDATE users SET role = coalesce(?, role), password = coalesce(?, password) WHERE name = ?"
REMOVE = "DELETE FROM users WHERE name = ?"
IS_STILL = "SELECT 1 FROM users WHERE name = ? AND password = ?"


def users(conn: sqlite3.Connection) -> list[User]:
    """All of them, by name."""
    rows = conn.execute(USERS)
    return [User(name=name, role=Role(role), password=password, created=at) for name, role, password, at in rows]


def add(conn: sqlite3.Connection, user: User) -> None:
    """Raises Misuse where there is one of this name."""
    try:
        conn.execute(ADD, (user.name, user.role.value, user.password, user.created))
    except sqlite3.IntegrityError as error:
        raise Misuse(f"there is a user named {user.name} already") from error


def change(conn: sqlite3.Connection, name: str, role: Role | None, password: str | None) -> None:
    """A role counts at once for sessions that are open; a password ends them. Raises NotFound."""
    if conn.execute(CHANGE, (role.value if role else None, password, name)).rowcount == 0:
        raise NotFound(f"there is no user {name}")
    if password is not None:
        sessions.end_all_of(conn, name)


def remove(conn: sqlite3.Connection, name: str) -> None:
    """Raises NotFound."""
    if conn.execute(REMOVE, (name,)).rowcount == 0:
        raise NotFound(f"there is no user {name}")
    sessions.end_all_of(conn, name)


def is_still(conn: sqlite3.Connection, user: User) -> bool:
    """Whether this is the user's password yet."""
    return conn.execute(IS_STILL, (user.name, user.password)).fetchone() is not None
