"""The words of the reader of the contract: what staff said, what is answered, and how one call is read by itself."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from collector.event import Event, Trust

Person = tuple[str, str, str]  # (user or email, space, value)
Place = tuple[int, str, bool, str]  # (time, messageId, whether server, site): the order in which all is walked
EventKey = tuple[str, bool, str]  # (site, whether server, messageId)

GIVEN_BACK = ("Order Refunded", "Order Cancelled")


@dataclass(frozen=True)
class Unlink:
    """Staff said at `time`: this visitor is not the customer who then had the ids `persons`."""

    visitor: str
    time: int
    persons: frozenset[Person]


@dataclass(frozen=True)
class Undo:
    """Staff said at `time`: `person` is not the same as any of `others`."""

    person: Person
    time: int
    others: frozenset[Person]


@dataclass(frozen=True)
class Fence:
    """An erasure left this."""

    visitor: str
    time: int


@dataclass(frozen=True)
class Claim:
    """A call's word on its visitor. `person` is None for a log-out."""

    place: Place
    person: Person | None
    strength: Trust
    explicit: bool  # identify and Signed In: what joins again after staff said no
    bare_order: bool  # an order that gives only an e-mail address
    told: bool = False  # by the back end's call about the same order


@dataclass(frozen=True)
class OrderAnswer:
    customer: Person | None
    status: str
    total: Decimal | None
    refunded: Decimal | None
    confirmed: bool


@dataclass
class Answer:
    """`customers` maps the key of each who has an event, an order or a second id to all ids.

    `mentioned`: the keys of all who are named anywhere; whether one of whom nothing else is known is listed, the text
    leaves open.
    """

    owner: dict[EventKey, Person | None] = field(default_factory=dict)
    visit: dict[EventKey, EventKey | None] = field(default_factory=dict)
    customers: dict[Person, frozenset[Person]] = field(default_factory=dict)
    orders: dict[tuple[str, str], OrderAnswer] = field(default_factory=dict)
    mentioned: set[Person] = field(default_factory=set)


def place_of(e: Event) -> Place:
    return (e.time, e.id, e.server, e.site)


def key_of(e: Event) -> EventKey:
    return (e.site, e.server, e.id)


def properties_of(e: Event) -> dict[str, Any]:
    return json.loads(e.properties, parse_float=Decimal) if e.properties else {}


def is_track(e: Event, *names: str) -> bool:
    return e.type == "track" and e.name in names


def user_of(e: Event) -> Person | None:
    return ("user", e.space, e.user) if e.user else None


def email_of(e: Event) -> Person | None:
    return ("email", "", e.email) if e.email else None


def person_of(e: Event) -> Person | None:
    return user_of(e) or email_of(e)


def is_silent(e: Event) -> bool:
    """Calls that claim nothing and neither start nor extend a visit."""
    # reading: `Email …` is every track name that begins so.
    return e.staff or is_track(e, *GIVEN_BACK) or (e.type == "track" and e.name[:6] == "Email ")


def is_explicit(e: Event) -> bool:
    return e.type == "identify" or is_track(e, "Signed In")


def joins_again(strength: Trust, explicit: bool) -> bool:
    # reading: this holds for every claim after what staff said, also when one has already joined again.
    return explicit or strength >= Trust.SIGNED
