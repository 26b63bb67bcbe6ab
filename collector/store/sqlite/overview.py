"""Home's question, answered from what was counted ahead.

What enters: a reading connection and the query. What leaves: the figures of `collector.store.overview`. Every statement
reads rows of the span's days alone, whatever the number of events: at most some ten thousand for 90 days.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from decimal import Decimal
from heapq import nlargest

import msgspec
from msgspec import Struct

from collector.errors import NotFound
from collector.store.days import HOURS, day_of, local_hour
from collector.store.overview import (
    By,
    ChannelVisits,
    Count,
    Overview,
    OverviewQuery,
    Page,
    Point,
    Product,
    Sales,
    Source,
    Span,
    Totals,
)
from collector.store.sqlite.overview_cells import What, cells_of_span
from collector.store.sqlite.overview_recount import read_progress
from collector.store.sqlite.overview_tally import ALL_SITES, BUYERS, EXACT, VISITORS

SOURCES_A_CHANNEL = 3
_COUNTED_AS = {By.VIEWED: What.PRODUCT_VIEWS, By.ADDED: What.PRODUCT_ADDS, By.BOUGHT: What.PRODUCT_ORDERS}

_SITES = "SELECT id, name, timezone FROM sites WHERE removed IS NULL ORDER BY id"
# Primary keys: a range of each.
_HOURS = """
SELECT coalesce(sum(visitors), 0), coalesce(sum(visits), 0), coalesce(sum(orders), 0), coalesce(sum(unconfirmed), 0),
       coalesce(sum(buyers), 0), coalesce(sum(new_buyers), 0)
FROM overview_hours WHERE site = :site AND hour >= :first AND hour < :end
"""
_POINTS = """
SELECT hour / :step, sum(visitors), sum(visits), sum(orders), sum(unconfirmed)
FROM overview_hours WHERE site = :site AND hour >= :first AND hour < :end GROUP BY 1
"""
# Who was away since before the span, and who was never here: each once.
_DISTINCT = """
SELECT coalesce(sum(n), 0), coalesce(sum(n) FILTER (WHERE gap = 0), 0) FROM overview_gaps
WHERE site = :site AND what = :what AND day BETWEEN :first AND :last AND (gap = 0 OR gap > day - :first)
"""
_SALES = """
SELECT currency, orders, gross, refunded, unconfirmed FROM overview_sales
WHERE site IN (SELECT value FROM json_each(:sites)) AND hours = :hours AND first_hour >= :first AND first_hour < :end
"""
_PATHS = "SELECT id, path FROM overview_paths WHERE id IN (SELECT value FROM json_each(?))"
_PRODUCTS = """
SELECT overview_products.id, sites.name, product_id, overview_products.name
FROM overview_products JOIN sites ON sites.id = overview_products.site
WHERE overview_products.id IN (SELECT value FROM json_each(?))
"""
_SOURCES = """
SELECT id, channel, host, source, medium, campaign FROM overview_sources WHERE id IN (SELECT value FROM json_each(?))
"""


class Hours(Struct, frozen=True):
    """A span of hours, half-open, and the days that it lies in."""

    first: int
    end: int

    @property
    def first_day(self) -> int:
        return self.first // HOURS

    @property
    def last_day(self) -> int:
        return (self.end - 1) // HOURS


class Asked(Struct, frozen=True, kw_only=True):
    """Where and when: `site` is the scope of what is counted for it; `now` a span of whole days."""

    site: int
    zone: str | None
    until: int | None
    now: Hours
    compared: Hours
    before: Hours


def overview(conn: sqlite3.Connection, query: OverviewQuery) -> Overview:
    """Raises NotFound where there is no such site."""
    asked = _asked(conn, query)
    now = _totals(conn, asked.site, asked.now)
    progress = read_progress(conn)
    return Overview(
        first_day=day_of(asked.now.first_day),
        last_day=day_of(asked.now.last_day),
        before_first_day=day_of(asked.before.first_day),
        before_last_day=day_of(asked.before.last_day),
        zone=asked.zone,
        until=asked.until,
        recounted=None if progress is None else progress.share,
        now=now,
        compared=now if asked.until is None else _totals(conn, asked.site, asked.compared),
        before=_totals(conn, asked.site, asked.before),
        points=_points(conn, asked),
        channels=_channels(conn, asked),
        pages=_pages(conn, asked, query.limit),
        products=_products(conn, asked, query),
    )


def _asked(conn: sqlite3.Connection, query: OverviewQuery) -> Asked:
    sites = [row for row in conn.execute(_SITES) if query.site is None or row[1] == query.site]
    if query.site is not None and not sites:
        raise NotFound(f"there is no site {query.site}")
    zones = [zone for _, _, zone in sites] or ["UTC"]
    # Over all sites a day begins when it has begun at each of them.
    present = min(local_hour(zone, query.now) for zone in zones)
    today, until = divmod(present, HOURS)
    length = query.span.days * HOURS
    first = today * HOURS if query.span is Span.TODAY else today * HOURS - length
    before = first - length
    whole = query.span is not Span.TODAY
    return Asked(
        site=sites[0][0] if query.site is not None else ALL_SITES,
        zone=zones[0] if len(set(zones)) == 1 else None,
        until=None if whole else until,
        now=Hours(first, first + length),
        compared=Hours(first, first + (length if whole else until)),
        before=Hours(before, before + (length if whole else until)),
    )


def _totals(conn: sqlite3.Connection, site: int, hours: Hours) -> Totals:
    bound = {"site": site, "first": hours.first, "end": hours.end}
    visitors, visits, orders, unconfirmed, buyers, new_buyers = conn.execute(_HOURS, bound).fetchone()
    if hours.end - hours.first > HOURS:
        days = {"site": site, "first": hours.first_day, "last": hours.last_day}
        visitors, _ = conn.execute(_DISTINCT, {**days, "what": VISITORS}).fetchone()
        buyers, new_buyers = conn.execute(_DISTINCT, {**days, "what": BUYERS}).fetchone()
    return Totals(
        visitors=visitors,
        visits=visits,
        orders=orders,
        unconfirmed=unconfirmed,
        buyers=buyers,
        new_buyers=new_buyers,
        sales=_sales(conn, site, hours),
    )


def _sales(conn: sqlite3.Connection, site: int, hours: Hours) -> tuple[Sales, ...]:
    counted: dict[str, int] = {}
    sums: dict[str, list[Decimal]] = {}
    sites = [site] if site else [id for (id,) in conn.execute("SELECT id FROM sites")]
    whole = (hours.end - hours.first) % HOURS == 0
    bound = {"sites": _listed(sites), "first": hours.first, "end": hours.end, "hours": HOURS if whole else 1}
    for currency, orders, *amounts in conn.execute(_SALES, bound):
        counted[currency] = counted.get(currency, 0) + orders
        before = sums.get(currency, [Decimal(0)] * 3)
        sums[currency] = [EXACT.add(one, Decimal(other)) for one, other in zip(before, amounts, strict=True)]
    return tuple(
        Sales(currency, _plain(gross), _plain(refunded), _plain(EXACT.subtract(gross, refunded)), _plain(unconfirmed))
        for currency, (gross, refunded, unconfirmed) in sorted(sums.items())
        if counted[currency]
    )


def _points(conn: sqlite3.Connection, asked: Asked) -> tuple[Point, ...]:
    """Every day of the span, of one day every hour, those without anything too; of today none that is yet to come."""
    hourly = asked.now.end - asked.now.first == HOURS
    step = 1 if hourly else HOURS
    bound = {"site": asked.site, "first": asked.now.first, "end": asked.now.end, "step": step}
    counted = {row[0]: row[1:] for row in conn.execute(_POINTS, bound)}
    first, end = asked.now.first // step, asked.now.end // step
    if asked.until is not None:
        # A site further east may be ahead of the hour.
        end = max(first + asked.until, *counted, first) + 1
    points = []
    for at in range(first, end):
        day, hour = (at // HOURS, at % HOURS) if hourly else (at, None)
        points.append(Point(day_of(day), hour, *counted.get(at, (0, 0, 0, 0))))
    return tuple(points)


def _now(conn: sqlite3.Connection, asked: Asked, what: What) -> dict[int, int]:
    return cells_of_span(conn, what, asked.site, asked.now.first_day, asked.now.last_day)


def _before(
    conn: sqlite3.Connection, asked: Asked, what: What, keys: Iterable[int] | None = None
) -> dict[int, int] | None:
    """Of the span before, of those keys alone; of today so far there is nothing to compare with."""
    if asked.until is not None:
        return None
    return cells_of_span(conn, what, asked.site, asked.before.first_day, asked.before.last_day, keys)


def _count(key: int, now: dict[int, int], before: dict[int, int] | None) -> Count:
    return Count(now.get(key, 0), None if before is None else before.get(key, 0))


def _largest(counts: dict[int, int], limit: int) -> list[int]:
    """Keys by their counts; of equal ones first who was known first."""
    return nlargest(limit, counts, key=lambda key: (counts[key], -key))


def _listed(keys: Iterable[int]) -> str:
    return msgspec.json.encode(list(keys)).decode()


def _pages(conn: sqlite3.Connection, asked: Asked, limit: int) -> tuple[Page, ...]:
    now = _now(conn, asked, What.PAGE_VIEWS)
    keys = _largest(now, limit)
    before = _before(conn, asked, What.PAGE_VIEWS, keys)
    paths = dict(conn.execute(_PATHS, (_listed(keys),)))
    return tuple(Page(paths[key], _count(key, now, before)) for key in keys)


def _products(conn: sqlite3.Connection, asked: Asked, query: OverviewQuery) -> tuple[Product, ...]:
    now = {by: _now(conn, asked, what) for by, what in _COUNTED_AS.items()}
    keys = _largest(now[query.by], query.limit)
    before = {by: _before(conn, asked, what, keys) for by, what in _COUNTED_AS.items()}
    known = {id: said for id, *said in conn.execute(_PRODUCTS, (_listed(keys),))}
    return tuple(Product(*known[key], *(_count(key, now[by], before[by]) for by in By)) for key in keys)


def _channels(conn: sqlite3.Connection, asked: Asked) -> tuple[ChannelVisits, ...]:
    now = _now(conn, asked, What.SOURCE_VISITS)
    before = _before(conn, asked, What.SOURCE_VISITS)
    channels: dict[str, list[Source]] = {}
    for id, channel, host, source, medium, campaign in conn.execute(_SOURCES, (_listed({**now, **(before or {})}),)):
        channels.setdefault(channel, []).append(Source(host, source, medium, campaign, _count(id, now, before)))
    found = [_channel(channel, sources) for channel, sources in channels.items()]
    return tuple(sorted(found, key=lambda each: (-each.visits.now, each.channel)))


def _channel(channel: str, sources: list[Source]) -> ChannelVisits:
    visits = Count(
        sum(source.visits.now for source in sources),
        None if sources[0].visits.before is None else sum(source.visits.before or 0 for source in sources),
    )
    named = [each for each in sources if each.visits.now and (each.host or each.source or each.medium or each.campaign)]
    named.sort(key=lambda each: (-each.visits.now, each.host, each.campaign, each.source, each.medium))
    return ChannelVisits(channel, visits, tuple(named[:SOURCES_A_CHANNEL]), max(0, len(named) - SOURCES_A_CHANNEL))


def _plain(amount: Decimal) -> str:
    """Without needless zeros, so that it does not show in which order sums were made."""
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
