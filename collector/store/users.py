"""The part of the port that knows who may use the console: users, their roles, and the hashes of their passwords.

What enters: names, roles, hashes. What leaves: the same. It never sees a password and judges none.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from msgspec import Struct


class Role(StrEnum):
    """What a user may do is told by `collector.web.roles`."""

    OWNER = "owner"
    ANALYST = "analyst"
    SUPPORT = "support"


class User(Struct, frozen=True, kw_only=True):
    """Who may use the console. `password` is its hash."""

    name: str
    role: Role
    password: str
    created: int


class Users(Protocol):
    """Who may use the console."""

    def users(self) -> list[User]:
        """All of them, by name."""

    def add_user(self, user: User) -> None:
        """Raises Misuse where there is one of this name."""

    def change_user(self, name: str, role: Role | None, password: str | None) -> None:
        """What is not None changes. A new password ends all of the user's sessions. Raises NotFound."""

    def remove_user(self, name: str) -> None:
        """Their sessions end with them. Raises NotFound."""

    def begin_session(self, user: User, session: str, before: str | None, at: int) -> bool:
        """Begin a session of this hash and end the one before. False: the user, or the password, is no longer so."""
