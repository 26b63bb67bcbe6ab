"""Who may come in and what they did: the part of the store's port that is about staff and their programs.

What enters and leaves is the port's. It knows no event, and of a connection only who lends it.
"""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TypeVar

from collector.store import Token
from collector.store.audit import Deed
from collector.store.sessions import KeptSession
from collector.store.sqlite import desk, sessions, users, vocabulary
from collector.store.sqlite.audit import AuditLog
from collector.store.users import Role, User
from collector.store.vocabulary import KnownWords, Word

T = TypeVar("T")


class Access(ABC):
    """Half of a store: the other half lends the connections."""

    _hash_key: bytes

    @abstractmethod
    def _transaction(self) -> AbstractContextManager[sqlite3.Connection]: ...

    @abstractmethod
    def _ask(self, ask: Callable[[sqlite3.Connection], T]) -> T: ...

    # Programs -------------------------------------------------------------------------------------------------

    def tokens(self) -> list[Token]:
        return self._ask(desk.tokens)

    def put_token(self, token: Token) -> None:
        with self._transaction() as conn:
            desk.put_token(conn, token)

    def revoke_token(self, name: str, at: int) -> None:
        with self._transaction() as conn:
            desk.revoke_token(conn, name, at)

    def touch_tokens(self, used: Sequence[tuple[str, int]]) -> None:
        with self._transaction() as conn:
            desk.touch_tokens(conn, used)

    # People ---------------------------------------------------------------------------------------------------

    def users(self) -> list[User]:
        return self._ask(users.users)

    def add_user(self, user: User) -> None:
        with self._transaction() as conn:
            users.add(conn, user)

    def change_user(self, name: str, role: Role | None, password: str | None) -> None:
        with self._transaction() as conn:
            users.change(conn, name, role, password)

    def remove_user(self, name: str) -> None:
        with self._transaction() as conn:
            users.remove(conn, name)

    def begin_session(self, user: User, session: str, before: str | None, at: int) -> bool:
        with self._transaction() as conn:
            if not users.is_still(conn, user):
                return False
            sessions.begin(conn, session, user.name, before, at)
            return True

    # Who is signed in -----------------------------------------------------------------------------------------

    def put_signin_link(self, hash: str, at: int) -> None:
        with self._transaction() as conn:
            sessions.put_link(conn, hash, at)

    def signin_link_holds(self, hash: str, at: int) -> bool:
        return self._ask(lambda conn: sessions.link_holds(conn, hash, at))

    def sign_in(self, link: str, session: str, before: str | None, at: int) -> bool:
        with self._transaction() as conn:
            return sessions.sign_in(conn, link, session, before, at)

    def session(self, hash: str, at: int) -> KeptSession | None:
        return self._ask(lambda conn: sessions.session(conn, hash, at))

    def touch_session(self, hash: str, at: int) -> None:
        with self._transaction() as conn:
            sessions.touch(conn, hash, at)

    def sign_out(self, hash: str) -> None:
        with self._transaction() as conn:
            sessions.sign_out(conn, hash)

    # Which names their calls use ------------------------------------------------------------------------------

    def vocabulary(self) -> KnownWords:
        return KnownWords(self._hash_key, self._ask(vocabulary.words))

    def put_words(self, words: Sequence[Word]) -> None:
        with self._transaction() as conn:
            vocabulary.put(conn, words)

    # What they did --------------------------------------------------------------------------------------------

    def note(self, deeds: Sequence[Deed]) -> None:
        with self._transaction() as conn:
            AuditLog(conn, self._hash_key).note(deeds)

    def asked_erasure(self, limit: int) -> list[tuple[str, int]]:
        return self._ask(lambda conn: AuditLog(conn, self._hash_key).asked_erasure(limit))

    def audit(self, key: str | None, before: tuple[int, int] | None, limit: int) -> list[Deed]:
        return self._ask(lambda conn: AuditLog(conn, self._hash_key).deeds(key, before, limit))
