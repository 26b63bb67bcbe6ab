"""The part of the port that tells how the store does: what `/metrics` shows and `footfall doctor` judges.

What leaves: figures, each at a cost that does not grow with the log. What they mean is not known here.
"""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct


class Vitals(Struct, frozen=True, kw_only=True):
    """Sizes in bytes, times in ms. `newest`: when the last event was received; `backed_up`: when a backup was made.

    `seen`: each site's name, and when a visitor was last seen there.
    """

    file_bytes: int
    wal_bytes: int
    disk_bytes: int
    disk_free_bytes: int
    newest: int | None
    backed_up: int | None
    seen: dict[str, int | None]


class Followed(Struct, frozen=True):
    """How far what is derived has followed the log, both as numbers of events; and how many had to be set aside."""

    last: int
    projected: int
    set_aside: int

    @property
    def behind(self) -> int:
        return max(0, self.last - self.projected)


class Soundness(Struct, frozen=True):
    """What is broken in the file, in SQLite's words; and which tables were too large to be read through."""

    faults: tuple[str, ...]
    unread: tuple[str, ...] = ()


class Refusals(Struct, frozen=True, kw_only=True):
    """`kept`: calls in quarantine by reason, the most first; `a_day`: how many were refused each day before today,
    of the last week; `stored_today`: events that were stored in the last day."""

    kept: dict[str, int]
    today: int
    a_day: float
    stored_today: int


class Joined(Struct, frozen=True):
    """Of the visits that changed last: how many there are, and how many are a customer's."""

    visits: int
    joined: int


class OrdersLately(Struct, frozen=True, kw_only=True):
    """Of the orders that changed last: how many, how many of no visitor (known only from a back end), how many known
    only from a browser, and of how many no amount is known: nobody told one, or none that can be read."""

    orders: int
    without_visitor: int
    unconfirmed: int
    without_total: int


class SilentPage(Struct, frozen=True):
    """A page that was seen steadily and is no more: its address without a query, and on how many days of the week
    before the last two."""

    address: str
    days: int


class Lately(Struct, frozen=True, kw_only=True):
    """What a sample of the last days shows. `last`: when each site's last event of the sample was received;
    `server`: the sites that sent anything under their secret key."""

    silent: tuple[SilentPage, ...]
    last: dict[str, int]
    server: frozenset[str]


class Health(Protocol):
    """How the store does."""

    def vitals(self) -> Vitals: ...
    def joined(self) -> Joined: ...
    def orders_lately(self) -> OrdersLately: ...
    def lately(self, now: int) -> Lately: ...
