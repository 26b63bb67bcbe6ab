"""The part of the port behind the room Live: the newest of the log as people read it, and what has changed since.

What enters: how far one has read. What leaves: what came after, newest first, each with whose it is as of now; bounded,
however much came. It goes by commit order (`seq`), not by event time: what comes late is news too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from collector.store.prospects import Came


class Arrival(Struct, frozen=True, gc=False, array_like=True):
    """That something came."""

    seq: int
    site: str


class Happening(Struct, frozen=True, kw_only=True):
    """One event as Live shows it. `customer` is the key of whose event it is, `called` what to call them ('': unknown).

    `came` is how its visit began; `properties` is JSON text ('' where empty).
    """

    seq: int
    site: str
    type: str
    name: str
    time: int
    received: int
    visitor: str | None
    customer: str | None
    called: str
    staff: bool
    url: str
    title: str
    came: Came
    device: str
    browser: str
    os: str
    properties: str


class Changed(Struct, frozen=True):
    """What became of events that were read before: `gone` were erased, `retold` may be somebody else's now.

    `rev` is where to ask from next time.
    """

    rev: int
    gone: tuple[int, ...]
    retold: tuple[Happening, ...]


class Recent(Protocol):
    """The end of the log."""

    def arrivals(self, after: int, limit: int) -> list[Arrival]:
        """The newest `limit` events behind the seq `after`, newest first."""

    def happenings(self, seqs: Sequence[int]) -> list[Happening]:
        """Those events, newest first; what is gone is left out."""

    def changed(self, seqs: Sequence[int], since: int | None) -> Changed:
        """What became of those events since the revision `since`; None: nothing is retold, only where to ask from."""
