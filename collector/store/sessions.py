"""The part of the port that knows who is signed in: one-time links, and the sessions that they open.

What enters: hashes of secrets, and times. What leaves: a session that still holds, or none. It never sees a secret.
"""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from collector.store.users import Role

LINK_MS_MAX = 15 * 60_000
IDLE_MS_MAX = 12 * 3_600_000
SESSION_MS_MAX = 30 * 86_400_000


class KeptSession(Struct, frozen=True, kw_only=True):
    """A session as it is kept; whoever bears the secret of this hash is signed in.

    `user` is None for who came by a one-time link; `role` is the one that the user has now.
    """

    hash: str
    created: int
    seen: int
    user: str | None = None
    role: Role = Role.OWNER

    def holds(self, at: int) -> bool:
        """Neither too old nor left alone for too long."""
        return at - self.seen < IDLE_MS_MAX and at - self.created < SESSION_MS_MAX


class Sessions(Protocol):
    """Signing in, being signed in, signing out."""

    def put_signin_link(self, hash: str, at: int) -> None:
        """From `at` on the secret of this hash signs in, once, within LINK_MS_MAX."""

    def signin_link_holds(self, hash: str, at: int) -> bool:
        """Whether the link could still be used; asking does not use it."""

    def sign_in(self, link: str, session: str, before: str | None, at: int) -> bool:
        """Use the link up, begin the session and end the one before, in one transaction; each is a hash.

        False, and nothing done: the link is used, too old, or unknown.
        """

    def session(self, hash: str, at: int) -> KeptSession | None:
        """The session of this hash, where it holds."""

    def touch_session(self, hash: str, at: int) -> None:
        """It was used now."""

    def sign_out(self, hash: str) -> None:
        """End the session; one that is not there is no error."""
