"""The port to what keeps events: what any store must do, in the words of the contract.

What enters: accepted events, refusals, what staff said. What leaves: profiles, timelines, exports, settings.
It knows no SQL and no web. Methods are synchronous and may be called from any thread, but `append`, `follow` and
the other writing methods from one thread at a time (the writer's). All times are ms since 1970, UTC.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from enum import StrEnum
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from collector.event import Dropped, Event, Reason, Site, Withdrawal
from collector.store.audit import Audits
from collector.store.beginnings import Beginnings
from collector.store.dossier import Dossiers
from collector.store.everything import Access
from collector.store.health import Health
from collector.store.keeper import Keeper
from collector.store.overview import Overviews
from collector.store.prospects import Prospects
from collector.store.recent import Recent
from collector.store.retention import Retentions
from collector.store.scrubbing import Scrubs
from collector.store.sessions import Sessions
from collector.store.snippets import Snippets
from collector.store.touched import Touched
from collector.store.users import Users
from collector.store.vocabulary import Vocabularies


class Quarantined(Struct, frozen=True, kw_only=True):
    """A refused call, kept to be read and replayed. `arrival` is what a replay needs beside the call itself."""

    site: str
    server: bool
    received: int
    reason: Reason
    detail: str
    raw: bytes
    arrival: dict[str, Any] = {}
    id: int = 0


class Left(Struct, frozen=True, kw_only=True):
    """A call of which policy keeps only a count; of a bot's call also its user agent and page, capped.
    `withdrawal`: the call said that its visitor wants no more of it."""

    site: str
    why: Dropped
    received: int
    user_agent: str = ""
    url: str = ""
    withdrawal: Withdrawal | None = None


Entry = Event | Quarantined | Left


class Outcome(StrEnum):
    """What became of an entry. An event is DROPPED where its person was erased, WITHDRAWN where its visitor refuses."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    QUARANTINED = "quarantined"
    DROPPED = "dropped"
    WITHDRAWN = "withdrawn"

    @property
    def told(self) -> Outcome:
        """As it is told outside: of what policy leaves, `dropped` alone."""
        return Outcome.DROPPED if self is Outcome.WITHDRAWN else self


# Why an entry that was taken is not kept after all.
NOT_KEPT = {Outcome.DROPPED: Dropped.ERASED, Outcome.WITHDRAWN: Dropped.CONSENT}


class Tally(Struct):
    """What became of events that were accepted: stored by (site, trust), known already by site, not kept after all."""

    stored: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter)
    duplicates: Counter[str] = msgspec.field(default_factory=Counter)
    dropped: Counter[tuple[str, Dropped]] = msgspec.field(default_factory=Counter)

    def count(self, event: Event, outcome: Outcome) -> None:
        if outcome is Outcome.STORED:
            self.stored[event.site, event.trust.word] += 1
        elif outcome in NOT_KEPT:
            self.dropped[event.site, NOT_KEPT[outcome]] += 1
        else:
            self.duplicates[event.site] += 1

    def add(self, other: Tally) -> None:
        self.stored.update(other.stored)
        self.duplicates.update(other.duplicates)
        self.dropped.update(other.dropped)


class Progress(Struct):
    """All up to the ticket `filed` is in the log, on disk; `upto` is the same where all is derived from, too.

    `tally` is of what was filed since it was last told.
    """

    filed: int = 0
    upto: int | None = None
    tally: Tally = msgspec.field(default_factory=Tally)


class Token(Struct, frozen=True, kw_only=True):
    """A reader's token; the secret itself is shown once and never kept. `hash` is its SHA-256 in hex.

    `used` is when it was last used, to within a minute.
    """

    name: str
    hash: str
    scopes: tuple[str, ...]
    created: int
    revoked: int | None = None
    used: int | None = None


class Receipt(Struct, frozen=True, kw_only=True):
    """What an erasure took out: counts, and a keyed hash that the `erasures` feed repeats."""

    hash: str
    events: int
    visitors: int
    quarantined: int


class KnownId(Struct, frozen=True):
    """One id of a customer. `strength` is the link's: server, signed, or claimed (a browser's word only)."""

    kind: str
    value: str
    strength: str


class JoinedVisitor(Struct, frozen=True, kw_only=True):
    """A span of a visitor's events that belongs to `customer`, and the claim that says so."""

    visitor: str
    customer: str
    from_time: int
    to_time: int | None
    why: str
    strength: str
    evidence: str


class Claimed(Struct, frozen=True):
    """An unsigned claim on a site that requires signed identity: shown, joins nothing."""

    visitor: str
    time: int
    evidence: str


class Money(Struct, frozen=True):
    """Exact decimal text in one currency. `unconfirmed` is the part of `gross` known only from a browser."""

    currency: str
    gross: str
    refunded: str
    net: str
    unconfirmed: str


class OrderTotals(Struct, frozen=True):
    count: int
    unconfirmed: int
    first: int | None
    last: int | None


class Profile(Struct, frozen=True, kw_only=True):
    """Who a customer is, and by which evidence."""

    key: str
    kind: str
    ids: tuple[KnownId, ...]
    traits: dict[str, Any]
    first_seen: int | None
    last_seen: int | None
    visitors: tuple[JoinedVisitor, ...]
    claimed: tuple[Claimed, ...]
    orders: OrderTotals
    money: tuple[Money, ...]
    consent: dict[str, bool]
    events: int


SORTS = ("last_seen", "first_seen", "name", "orders")


class Activity(Struct, frozen=True, kw_only=True):
    """One event of a timeline, with whose it is as of now. `properties` is JSON text ('' where empty)."""

    id: str
    seq: int
    type: str
    name: str
    time: int
    received: int
    site: str
    visitor: str | None
    visit: str | None
    customer: str | None
    url: str
    title: str
    referrer: str
    channel: str
    campaign: dict[str, str]
    properties: str
    why: str | None


class ActivityPage(Struct, frozen=True):
    events: list[Activity]
    next: str | None


class CustomerRow(Struct, frozen=True, kw_only=True):
    """A line of the list of customers."""

    key: str
    kind: str
    name: str
    email: str
    phone: str
    first_seen: int | None
    last_seen: int | None
    orders: OrderTotals
    money: tuple[Money, ...]


class CustomerPage(Struct, frozen=True):
    customers: list[CustomerRow]
    next: str | None


class ActivityQuery(Struct, frozen=True):
    """`event` is an exact event name, or a type (page, identify …); `start` inclusive, `end` exclusive.

    `visitor` is one device. A page may be shorter than `limit` and still have a next: a look backward is bounded.
    """

    limit: int = 50
    cursor: str | None = None
    event: str | None = None
    start: int | None = None
    end: int | None = None
    visitor: str | None = None


class ExportQuery(Struct, frozen=True):
    """`start` inclusive, `end` exclusive, by event time; `since` is a cursor that an earlier export gave.

    `mailing` is a topic: who said yes to it, as a list of addresses, in the place of the customers; `everybody`:
    whatever they said.
    """

    start: int | None = None
    end: int | None = None
    since: str | None = None
    site: str | None = None
    resolve: bool = False
    mailing: str | None = None
    everybody: bool = False


class Export(Struct, frozen=True):
    """Rows in the dictionary's column order, in batches; `next` is the cursor to go on from, fixed at the start."""

    batches: Iterator[list[tuple[Any, ...]]]
    next: str


class Log(Protocol):
    """What the writer drives."""

    def append(self, entries: Sequence[Entry]) -> list[Outcome]:
        """Store all in the log itself, in one transaction, behind all that was accepted; on disk when it returns.

        Raises Unavailable, and then kept nothing.
        """

    def follow(self, events_max: int = 100) -> bool:
        """Bring what was accepted into the log, and what is derived up to it, by some so many events.

        True: there is more to do.
        """

    def progress(self) -> Progress:
        """How far `follow` has come, and what became of what it filed since this was last asked."""

    def unlink(self, key: str, visitor: str, at: int) -> None:
        """Staff say: this visitor is not this customer. Raises NotFound."""

    def undo_link(self, key: str, id: str, at: int) -> None:
        """Staff say: this id is not this customer's. Raises NotFound."""

    def erase(self, key: str, at: int, survey: Any = None) -> Receipt:
        """Take everything of a customer or a visitor out, for good. Raises NotFound.

        `survey` spares who waits for the writer: it is what `survey(key, at)` found a moment ago.
        """

    def erase_browsing(self, site: str, visitor: str, at: int) -> Receipt:
        """Take out what this browser told the site itself, and who is there now had it tell: no call of the back end,
        none with a token, nothing of other customers. The receipt counts no visitor where the site knows none."""

    def rebuild(self) -> int:
        """Throw away what is derived and make it anew from the log; returns the number of events read."""


class Reader(Protocol):
    """What look-ups, pages and exports ask. Never waits for the writer, never makes it wait."""

    def snapshot(self, within_s: float | None = None) -> AbstractContextManager[None]:
        """All that this thread asks for until its end is of one state of the store. Raises TooSlow past `within_s`."""

    def is_unsettled(self, key: str, touched: Touched) -> bool:
        """Whether what is told of this key may change by calls in the log that name these and are not derived yet."""

    def profile(self, key: str) -> Profile | None: ...
    def activity(self, key: str, query: ActivityQuery) -> ActivityPage | None: ...
    def customers(self, q: str, sort: str, cursor: str | None, limit: int) -> CustomerPage: ...
    def export(self, dataset: str, query: ExportQuery) -> Export: ...
    def stats(self) -> dict[str, int]: ...

    def survey(self, key: str, at: int) -> Any:
        """Look through the log for what an erasure will take out; only for `erase`. Raises NotFound."""


class Desk(Protocol):
    """Settings, tokens and the quarantine."""

    def sites(self) -> list[Site]: ...
    def put_site(self, site: Site) -> None: ...
    def remove_site(self, name: str, at: int) -> None: ...
    def tokens(self) -> list[Token]: ...
    def put_token(self, token: Token) -> None: ...
    def revoke_token(self, name: str, at: int) -> None: ...
    def touch_tokens(self, used: Sequence[tuple[str, int]]) -> None: ...
    def quarantined(self, after: int, limit: int) -> list[Quarantined]: ...

    def refusals(self, site: str | None, reason: str | None, before: int | None, limit: int) -> list[Quarantined]:
        """Newest first, those with an id below `before`; None is any."""

    def refusals_by_id(self, ids: Iterable[int]) -> list[Quarantined]: ...

    def refusal_counts(self, site: str | None) -> dict[Reason, int]:
        """How many are kept for each reason, the most first."""

    def release(self, ids: Iterable[int]) -> None: ...


class Store(
    Keeper,
    Log,
    Reader,
    Desk,
    Dossiers,
    Sessions,
    Users,
    Audits,
    Vocabularies,
    Prospects,
    Overviews,
    Recent,
    Beginnings,
    Snippets,
    Retentions,
    Access,
    Scrubs,
    Health,
    Protocol,
):
    """All of it, behind one door."""

    def close(self) -> None: ...
