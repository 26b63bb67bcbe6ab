"""The part of the port behind the customers' rooms: finding a customer, and all that one page tells of one.

What enters: what a person typed, or a key. What leaves: a page of the list; a dossier; a story, events with the visits
around them. Each is bounded, however long the customer's history is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct

from collector.cart import Cart
from collector.orders import Line

if TYPE_CHECKING:
    from collector.store import Activity, ActivityQuery, Claimed, CustomerPage, Money, OrderTotals

EVENTS_COUNTED_MAX = 10_000
# How many events are looked through, newest first, for the cart and for trouble.
LOOKED_BACK_MAX = 5_000
DEVICES_MAX = 200
PURCHASES_MAX = 200
TROUBLES_MAX = 6
REMARKS_MAX = 20


class CustomerQuery(Struct, frozen=True):
    """`sort` is one of SORTS, or `spent`: then by what was spent in `currency`, and only who spent in it."""

    q: str = ""
    sort: str = "last_seen"
    currency: str = ""
    cursor: str | None = None
    limit: int = 50


class Linked(Struct, frozen=True, kw_only=True):
    """One id of a customer, and what links it to the customer's key. `key` names it for `undo_link`.

    `why`, `time` and `evidence` (an event's seq) are of the call that links; None for the key itself.
    """

    kind: str
    value: str
    key: str
    strength: str
    why: str | None = None
    time: int | None = None
    evidence: int | None = None


class Stay(Struct, frozen=True, kw_only=True):
    """A span of a device that is the customer's: why, how surely, and the call that says so."""

    from_time: int
    to_time: int | None
    why: str
    strength: str
    evidence: int
    evidence_time: int


class Device(Struct, frozen=True, kw_only=True):
    """One visitor. What it runs on is '' where not known; `others` is how many other customers it has had."""

    visitor: str
    device: str
    browser: str
    os: str
    locale: str
    first_seen: int | None
    last_seen: int | None
    others: int
    customers: tuple[str, ...]
    stays: tuple[Stay, ...]


class Purchase(Struct, frozen=True, kw_only=True):
    """An order as its fold tells it; amounts are exact decimal text, None where nobody said."""

    site: str
    order_id: str
    confirmed: bool
    status: str
    time: int
    currency: str
    total: str | None
    refunded: str
    tax: str | None
    shipping: str | None
    discount: str | None
    coupons: tuple[str, ...]
    lines: tuple[Line, ...]
    sold_via: str | None
    location: str | None


class Moment(Struct, frozen=True, kw_only=True):
    """One event, as far as a remark or a trouble needs it. `properties` is JSON text ('' where empty)."""

    seq: int
    time: int
    type: str
    name: str
    url: str
    title: str
    properties: str


class Trouble(Struct, frozen=True):
    """What went wrong, in a few words, and the event that tells it."""

    what: str
    moment: Moment


class Agreed(Struct, frozen=True):
    """What was granted when a device was last heard of with its consent."""

    granted: tuple[str, ...]
    time: int


class Dossier(Struct, frozen=True, kw_only=True):
    """All that a customer's page tells beside the timeline; of a `visitor:` key what there is to tell.

    `events` is capped at EVENTS_COUNTED_MAX + 1, `devices` and `purchases` are the newest; `remarks` are what staff
    wrote, newest first. `site` is where the newest event was. `withdrawn`: when a device last said that it wants no
    more of it, if it has not thought better of it.
    """

    key: str
    kind: str
    name: str
    email: str
    phone: str
    ids: tuple[Linked, ...]
    traits: dict[str, Any]
    first_seen: int | None
    last_seen: int | None
    events: int
    devices: tuple[Device, ...]
    devices_count: int
    claimed: tuple[Claimed, ...]
    orders: OrderTotals
    money: tuple[Money, ...]
    purchases: tuple[Purchase, ...]
    consent: Agreed | None
    withdrawn: int | None
    cart: Cart
    troubles: tuple[Trouble, ...]
    remarks: tuple[Moment, ...]
    site: str


class Landing(Struct, frozen=True, kw_only=True):
    """A visit and where it came from: the source of its first event, and the page that it began on."""

    visitor: str
    first_time: int
    last_time: int
    events: int
    channel: str
    referrer: str
    campaign: dict[str, str]
    url: str
    title: str


class Story(Struct, frozen=True):
    """A page of a timeline, newest first; `visits` by the id that events bear; `staff`: seqs that staff wrote."""

    events: list[Activity]
    next: str | None
    visits: dict[str, Landing]
    staff: frozenset[int]


class Dossiers(Protocol):
    """What the customers' rooms ask."""

    def find_customers(self, query: CustomerQuery) -> CustomerPage:
        """Customers in the order asked for. Raises Misuse."""

    def currencies(self) -> list[str]:
        """The currencies that customers have spent in."""

    def dossier(self, key: str) -> Dossier | None:
        """All about one customer, or one visitor by `visitor:`; None where nobody bears the key."""

    def story(self, key: str, query: ActivityQuery) -> Story | None:
        """What the customer has done, and in which visits. Raises Misuse."""

    def event_names(self, key: str) -> list[str]:
        """Names of events that the customer's newest events bear, sorted: what a story can be narrowed to."""

    def unlinked_at(self, key: str, visitor: str) -> int | None:
        """When staff last took this visitor from this customer."""

    def undone_at(self, key: str, id: str) -> int | None:
        """When staff last took this id from this customer."""
