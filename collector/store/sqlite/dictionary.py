"""Dictionaries: each distinct value once, as a small integer.

What enters: ids, names, addresses, pages as text. What leaves: their integer ids, made where they are new.
Only the writer's connection uses this; what is cached is dropped as soon as another process has written.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from typing import Any, TypeVar

from collector.store.sqlite.shapes import DESCRIPTIONS_MAX, SHAPES_MAX

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch
# Of each kind: a hundred thousand events fill them, so ten million take no more memory.
CACHED_MAX = 10_000
NO_LIMIT = 2**62
K = TypeVar("K")
V = TypeVar("V")

USER, EMAIL = 0, 1


def pack_id(text: str) -> str | bytes:
    """An id as it is stored: 16 bytes where it is a lower-case UUID, else as it came."""
    return bytes.fromhex(text.replace("-", "")) if _UUID(text) else text


def id_in_json(stored: str) -> str:
    """A column of ids for JSON in a statement, which takes no bytes, in the form that `unpack_id` reads."""
    return f"CASE typeof({stored}) WHEN 'blob' THEN json_array(hex({stored})) ELSE {stored} END"


def unpack_id(stored: str | bytes | list[str]) -> str:
    """The id as the client wrote it. Bytes that came by way of JSON are a list of their hex digits."""
    if isinstance(stored, str):
        return stored
    digits = stored.hex() if isinstance(stored, bytes) else stored[0].lower()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


class Known(dict[K, V]):
    """Answers that are looked up once: a missing one is asked for, and all are dropped when there are too many."""

    def __init__(self, find: Callable[[K], V]) -> None:
        super().__init__()
        self._find = find

    def __missing__(self, key: K) -> V:
        if len(self) >= CACHED_MAX:
            self.clear()
        found = self[key] = self._find(key)
        return found


class Dictionary:
    """One table of distinct values; `intern` gives a value's id and makes it where it is new."""

    def __init__(
        self, conn: sqlite3.Connection, table: str, columns: tuple[str, ...], entries_max: int = NO_LIMIT
    ) -> None:
        self._conn, self._entries_max = conn, entries_max
        self._ids: dict[tuple[Any, ...], int] = {}
        self._full = False
        self._newest = f"SELECT max(id) FROM {table}"
        where = " AND ".join(f"{column} = ?" for column in columns)
        self._find = f"SELECT id FROM {table} WHERE {where}"
        self._add = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"

    def intern(self, *values: Any) -> int:
        known = self._ids.get(values)
        if known is not None:
            return known
        row = self._conn.execute(self._find, values).fetchone()
        found: int = row[0] if row else (self._conn.execute(self._add, values).lastrowid or 0)
        if len(self._ids) >= CACHED_MAX:
            self._ids.clear()
        self._ids[values] = found
        return found

    def intern_if_room(self, *values: Any) -> int | None:
        """As `intern`; None where the value is new and there are `entries_max` already."""
        if values in self._ids:
            return self._ids[values]
        if not self._full:
            self._full = (self._conn.execute(self._newest).fetchone()[0] or 0) >= self._entries_max
        if self._full and self._conn.execute(self._find, values).fetchone() is None:
            return None
        return self.intern(*values)

    def forget(self) -> None:
        self._ids.clear()
        self._full = False


class Dictionaries:
    """All of them, for one writing connection."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._visitors = Dictionary(conn, "visitors", ("visitor",))
        self._persons = Dictionary(conn, "persons", ("value", "kind", "space"))
        self.names = Dictionary(conn, "names", ("name", "type"))
        self.pages = Dictionary(conn, "pages", ("url", "title"))
        self.referrers = Dictionary(conn, "referrers", ("referrer", "channel"))
        self.campaigns = Dictionary(conn, "campaigns", ("source", "medium", "name", "term", "content", "click_id"))
        self.setups = Dictionary(
            conn,
            "setups",
            ("device", "browser", "browser_version", "os", "os_version", "screen", "locale", "timezone", "library"),
        )
        self.consents = Dictionary(conn, "consents", ("granted",))
        self.shapes = Dictionary(conn, "shapes", ("names", "places"), SHAPES_MAX)
        self.descriptions = Dictionary(conn, "descriptions", ("said",), DESCRIPTIONS_MAX)

    def visitor(self, visitor: str) -> int:
        return self._visitors.intern(pack_id(visitor))

    def user(self, user: str, space: str) -> int:
        return self._persons.intern(user, USER, space)

    def email(self, email: str) -> int:
        return self._persons.intern(email, EMAIL, "")

    def forget(self) -> None:
        """Drop what is cached: another process has written, or a transaction was rolled back."""
        for dictionary in vars(self).values():
            dictionary.forget()
