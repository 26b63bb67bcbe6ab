"""The part of the port that remembers who did what to whom: look-ups, exports, unlinks, erasures.

What enters: deeds. What leaves: the same, newest first. Of a person who is gone only a keyed hash is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from collector.event import DAY_MS, MINUTE_MS

KEPT_MS = 365 * DAY_MS
# The same, done again and again: one line that counts.
ALIKE_MS = 10 * MINUTE_MS


class By(StrEnum):
    """By which way somebody came in."""

    USER = "user"
    LINK = "link"
    TOKEN = "token"
    COMMAND = "command"
    VISITOR = "visitor"


class Act(StrEnum):
    """What was done: a closed set."""

    LISTED = "listed"
    LOOKED_UP = "looked up"
    EXPORTED = "exported"
    HANDED_OVER = "handed over"
    NOTED = "noted"
    UNLINKED = "unlinked"
    UNDID = "undid a link"
    ERASED = "erased"
    SETTLED = "settled a request"
    SIGNED_IN = "signed in"
    REPLAYED = "replayed"
    CHANGED = "changed"
    LINKED = "made a sign-in link"
    IMPORTED = "imported"
    REBUILT = "rebuilt"
    RESTORED = "restored"


# Of these the subject is a customer's or a visitor's key; of all others it tells of nobody.
OF_PERSONS = frozenset({Act.LOOKED_UP, Act.HANDED_OVER, Act.NOTED, Act.UNLINKED, Act.UNDID, Act.ERASED, Act.SETTLED})


class Actor(Struct, frozen=True):
    """Who did it: the name of a user or of a token, the account of the machine for a command; '' for a link, and for a
    visitor, who did it to themselves."""

    by: By
    name: str = ""


class Deed(Struct, frozen=True, kw_only=True):
    """`subject`: a customer's key, a dataset, a user … ; `n` times between `time` and `last`."""

    actor: Actor
    act: Act
    subject: str
    time: int
    last: int
    n: int = 1
    hashed: bool = False
    id: int = 0


class Audits(Protocol):
    """Who did what."""

    def note(self, deeds: Sequence[Deed]) -> None:
        """Keep them; what is older than KEPT_MS leaves. A key that nobody bears (any more) is kept as its hash."""

    def asked_erasure(self, limit: int) -> list[tuple[str, int]]:
        """Keys of visitors who had erased what they may, and when; of whom there is more, which no staff have settled
        since. The newest first."""

    def audit(self, key: str | None, before: tuple[int, int] | None, limit: int) -> list[Deed]:
        """Newest first, by when they were last done; `before`: beyond the one with this `last` and this id; `key`: only
        what was done to this customer or visitor."""
