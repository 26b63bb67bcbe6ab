"""The part of the port behind the room Visitors: who was in the shop and is not known yet, and how far each one came.

What enters: what staff want to see of them. What leaves: pages of prospects, and how many people are there now.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Protocol

from msgspec import Struct

from collector.event import Campaign


class Reached(IntEnum):
    """The strongest step that a visitor has reached, ever. It is the interest that the room sorts by."""

    LOOKED = 0
    VIEWED = 1
    SEARCHED = 2
    CARTED = 3
    CHECKOUT = 4
    ORDERED = 5

    @property
    def word(self) -> str:
        return self.name.lower()


VIEW = "Product Viewed"
# A tracked event's step; whatever is not named here is a look around.
STEPS = {
    **dict.fromkeys((VIEW, "Product Clicked", "Product Reviewed", "Product Added to Wishlist"), Reached.VIEWED),
    "Products Searched": Reached.SEARCHED,
    "Product Added": Reached.CARTED,
    **dict.fromkeys(
        ("Checkout Started", "Checkout Step Viewed", "Checkout Step Completed", "Payment Info Entered"),
        Reached.CHECKOUT,
    ),
    "Order Completed": Reached.ORDERED,
}
SORTS = ("last_seen", "interest")


def step_of(call_type: str, name: str) -> Reached:
    """How far a call shows its visitor to have come."""
    return STEPS.get(name, Reached.LOOKED) if call_type == "track" else Reached.LOOKED


class ProspectQuery(Struct, frozen=True):
    """`site` is where they were last; `since` a time; `reached` the least step. By interest: the strongest step first,
    and within a step whoever was there last."""

    site: str | None = None
    since: int | None = None
    reached: Reached = Reached.LOOKED
    sort: str = SORTS[0]
    cursor: str | None = None
    limit: int = 50


class LookedAt(Struct, frozen=True):
    """An event, as far as it is told in a few words. `properties` is JSON text ('' where empty)."""

    type: str
    name: str
    time: int
    url: str
    title: str
    properties: str


class Came(Struct, frozen=True):
    """How a visitor first came to the shop; '' where not known."""

    channel: str = ""
    referrer: str = ""
    campaign: Campaign = Campaign()


class InCart(Struct, frozen=True):
    """What lies in a cart: how many things, and their worth as exact text, None where it cannot be told."""

    items: str
    value: str | None
    currency: str


class Prospect(Struct, frozen=True, kw_only=True):
    """A visitor who was nobody's when last seen. `looked_at` is the last product, else the last page."""

    visitor: str
    site: str
    first_seen: int
    last_seen: int
    reached: Reached
    visits: int
    views: int
    events: int
    looked_at: LookedAt
    came: Came
    cart: InCart | None
    device: str
    browser: str
    os: str


class ProspectPage(Struct, frozen=True):
    prospects: list[Prospect]
    next: str | None


class Prospects(Protocol):
    """Visitors who are not known yet, and how many are there."""

    def prospects(self, query: ProspectQuery) -> ProspectPage:
        """Those that the query asks for. Raises Misuse for a cursor or a sort that is none."""

    def present(self, site: str | None, since: int) -> int:
        """How many visitors, known or not, were last seen at or after `since` (on that site)."""
