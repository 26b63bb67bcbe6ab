"""The demo shop's own books: its sessions, accounts and orders, in a small file of their own.

A shop has its own database, and Footfall never reads it. What enters and leaves are the shop's records; what must
not grow for ever is capped, the oldest going first. It knows no page and tells nobody anything.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import sqlite3
from typing import TypeVar

import msgspec
from msgspec import Struct

from collector.demo.records import Account, Session, Sold

T = TypeVar("T", bound=Struct)
RECORDS_MAX = 20_000

_SCHEMA = """CREATE TABLE IF NOT EXISTS records (
    kind TEXT NOT NULL, id TEXT NOT NULL, owner TEXT NOT NULL DEFAULT '', at INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS records_owner ON records (kind, owner, at);
CREATE INDEX IF NOT EXISTS records_at ON records (kind, at);"""
_PUT = "INSERT OR REPLACE INTO records (kind, id, owner, at, body) VALUES (?, ?, ?, ?, ?)"
_GET = "SELECT body FROM records WHERE kind = ? AND id = ?"
_OWNED = "SELECT body FROM records WHERE kind = ? AND owner = ? ORDER BY at DESC LIMIT ?"
_TRIM = """DELETE FROM records WHERE kind = ?1 AND at < (
    SELECT at FROM records WHERE kind = ?1 ORDER BY at DESC LIMIT 1 OFFSET ?2)"""


class Books:
    """Open until `close`. Each method is one short statement; a crash may lose the last of them, as carts go."""

    def __init__(self, path: str) -> None:
        # It is about people, be they made up: readable by its owner alone. SQLite gives its journal the same mode.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        self._conn = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._conn.execute("PRAGMA synchronous = OFF")
        self._conn.executescript(_SCHEMA)

    def close(self) -> None:
        self._conn.close()

    def session(self, id: str) -> Session | None:
        return self._get("session", id, Session)

    def keep_session(self, id: str, session: Session, at: int) -> None:
        self._put("session", id, session, at)

    def account(self, id: str) -> Account | None:
        return self._get("account", id, Account)

    def account_of(self, email: str) -> Account | None:
        """The account with this address, which must be in lower case."""
        return next(iter(self._owned("account", email, Account)), None)

    def keep_account(self, account: Account) -> None:
        self._put("account", account.id, account, account.at, owner=account.details.email)

    def order(self, id: str) -> Sold | None:
        return self._get("order", id, Sold)

    def orders_of(self, account: str) -> list[Sold]:
        """The newest first."""
        return self._owned("order", account, Sold)

    def keep_order(self, order: Sold) -> None:
        self._put("order", order.id, order, order.at, owner=order.account)

    def bring_in(self, accounts: list[Account], orders: list[Sold]) -> None:
        """Many at once."""
        self._conn.execute("BEGIN")
        for account in accounts:
            self.keep_account(account)
        for order in orders:
            self.keep_order(order)
        self._conn.execute("COMMIT")

    def _put(self, kind: str, id: str, record: Struct, at: int, owner: str = "") -> None:
        self._conn.execute(_PUT, (kind, id, owner, at, msgspec.json.encode(record)))
        self._conn.execute(_TRIM, (kind, RECORDS_MAX))

    def _get(self, kind: str, id: str, record: type[T]) -> T | None:
        row = self._conn.execute(_GET, (kind, id)).fetchone()
        return msgspec.json.decode(row[0], type=record) if row else None

    def _owned(self, kind: str, owner: str, record: type[T]) -> list[T]:
        rows = self._conn.execute(_OWNED, (kind, owner, 100)).fetchall()
        return [msgspec.json.decode(row[0], type=record) for row in rows]


def hashed(password: str) -> str:
    """Salted, as SALT$HASH."""
    salt = secrets.token_bytes(16)
    return f"{salt.hex()}${_scrypt(password, salt)}"


def is_password(password: str, kept: str) -> bool:
    salt, _, digest = kept.partition("$")
    return secrets.compare_digest(_scrypt(password, bytes.fromhex(salt)), digest)


def _scrypt(password: str, salt: bytes) -> str:
    return hashlib.scrypt(password.encode(), salt=salt, n=2**12, r=8, p=1).hex()
