"""What Home asks of a store: how many came, what they saw and bought, in a span of days and in the span before.

What enters: a span, a site or all, and the moment. What leaves: exact figures. A day is one of the site's time zone;
over all sites it is each site's own. Currencies are never added together.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Protocol

from msgspec import Struct


class Span(StrEnum):
    """Whole days that end yesterday, or today so far."""

    TODAY = "today"
    YESTERDAY = "yesterday"
    WEEK = "7"
    MONTH = "30"
    QUARTER = "90"

    @property
    def days(self) -> int:
        return int(self) if self.isdigit() else 1


class By(StrEnum):
    """What a list of products is sorted by."""

    VIEWED = "viewed"
    ADDED = "added"
    BOUGHT = "bought"


class OverviewQuery(Struct, frozen=True, kw_only=True):
    """`now` in ms; `limit` rows of each list. `site` None: all sites together."""

    span: Span
    now: int
    site: str | None = None
    by: By = By.VIEWED
    limit: int = 10


class Sales(Struct, frozen=True):
    """Exact decimal text of one currency; `unconfirmed` is the part of `gross` known only from a browser."""

    currency: str
    gross: str
    refunded: str
    net: str
    unconfirmed: str


class Totals(Struct, frozen=True, kw_only=True):
    """Of one span. Visitors and buyers are distinct; a new buyer's first order ever lies in the span."""

    visitors: int
    visits: int
    orders: int
    unconfirmed: int
    buyers: int
    new_buyers: int
    sales: tuple[Sales, ...]

    @property
    def repeat_buyers(self) -> int:
        return self.buyers - self.new_buyers


class Point(Struct, frozen=True):
    """One day of a span; of a single day one hour, and then a visitor counts in the hour of the day's first visit."""

    day: date
    hour: int | None
    visitors: int
    visits: int
    orders: int
    unconfirmed: int


class Count(Struct, frozen=True):
    """How often in the span and in the one before; None where that cannot be compared."""

    now: int
    before: int | None


class Page(Struct, frozen=True):
    """An address without its query."""

    path: str
    views: Count


class Product(Struct, frozen=True):
    """`viewed` and `added` count events, `bought` orders that contain it."""

    site: str
    product_id: str
    name: str
    viewed: Count
    added: Count
    bought: Count


class Source(Struct, frozen=True):
    """A campaign, or the host of a referring page, or neither."""

    host: str
    source: str
    medium: str
    campaign: str
    visits: Count


class ChannelVisits(Struct, frozen=True):
    """`sources` are its largest; `others` how many more there are."""

    channel: str
    visits: Count
    sources: tuple[Source, ...]
    others: int


class Overview(Struct, frozen=True, kw_only=True):
    """`before` compares with `compared`: the whole span, of today only the hours that are over (before `until`).

    `zone` is None where sites have different ones. While all is being counted anew (a site's time zone was changed),
    `recounted` says how much is done, from 0 to 1, and no figure is right yet.
    """

    first_day: date
    last_day: date
    before_first_day: date
    before_last_day: date
    zone: str | None
    until: int | None
    recounted: float | None
    now: Totals
    compared: Totals
    before: Totals
    points: tuple[Point, ...]
    channels: tuple[ChannelVisits, ...]
    pages: tuple[Page, ...]
    products: tuple[Product, ...]


class Overviews(Protocol):
    """What Home asks."""

    def overview(self, query: OverviewQuery) -> Overview:
        """Raises NotFound where there is no such site."""
