"""What staff take apart: a visitor from a customer, an id from the others. Kept with the raw ids of the day.

What enters: keys and the moment, within the caller's transaction. What leaves: what must be derived anew.
"""

from __future__ import annotations

import sqlite3

import msgspec

from collector.errors import NotFound
from collector.store.keys import read_key
from collector.store.sqlite.dictionary import USER, pack_id

_JOINED = "SELECT 1 FROM tenancies WHERE visitor = ? AND customer = ?"
_MEMBERS = "SELECT id FROM persons WHERE customer = ? ORDER BY id"


def unlink(conn: sqlite3.Connection, customer: int, key: str, visitor: str, at: int) -> int:
    """Returns the visitor. Raises NotFound where it is not joined to the customer, whom `key` names."""
    row = conn.execute("SELECT id FROM visitors WHERE visitor = ?", (pack_id(visitor),)).fetchone()
    if row is None or conn.execute(_JOINED, (row[0], customer)).fetchone() is None:
        raise NotFound(f"visitor {visitor} is not joined to {key}")
    persons = msgspec.json.encode(members(conn, customer)).decode()
    conn.execute("INSERT INTO unlinks (visitor, time, persons) VALUES (?, ?, ?)", (row[0], at, persons))
    return int(row[0])


def undo_link(conn: sqlite3.Connection, customer: int, key: str, id: str, at: int) -> list[int]:
    """Returns the ids that were the customer's. Raises NotFound where `id` is not linked to it."""
    whole, sought = members(conn, customer), read_key(id)
    row = conn.execute(
        "SELECT id, kind FROM persons WHERE value = ? AND kind = ? AND space = ?",
        (sought.value, int(sought.kind), sought.space),
    ).fetchone()
    others = [member for member in whole if row and member != row[0]]
    if row is None or row[0] not in whole or not others:
        raise NotFound(f"{id} is not linked to {key}")
    if row[1] == USER:
        # A former user id keeps its own addresses: only its join to other user ids is undone.
        others = [member for member in others if _kind(conn, member) == USER] or others
    conn.execute(
        "INSERT INTO link_undos (person, time, persons) VALUES (?, ?, ?)",
        (row[0], at, msgspec.json.encode(others).decode()),
    )
    return whole


def members(conn: sqlite3.Connection, customer: int) -> list[int]:
    """The ids that are one customer."""
    return [person for (person,) in conn.execute(_MEMBERS, (customer,))]


def _kind(conn: sqlite3.Connection, person: int) -> int:
    kind: int = conn.execute("SELECT kind FROM persons WHERE id = ?", (person,)).fetchone()[0]
    return kind
