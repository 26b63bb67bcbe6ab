"""Home's figures, counted slowly: every visit, order and event of the exports looked at, sets instead of sums.

Enters: a store whose projection has caught up, and the question. Leaves: the same words as `collector.store.overview`
uses, lists whole and by name.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from collector.store import ExportQuery, Store
from collector.store.datasets import DATASETS
from collector.store.overview import OverviewQuery, Span

Row = dict[str, Any]


@dataclass
class Wanted:
    """`figures`: visitors, visits, orders, unconfirmed, buyers, new buyers; sales by currency; then the lists."""

    now: tuple[Any, ...]
    compared: tuple[Any, ...]
    before: tuple[Any, ...]
    points: list[tuple[Any, ...]]
    pages: dict[str, tuple[int, int | None]]
    products: dict[str, dict[tuple[str, str], tuple[int, int | None]]]
    channels: dict[str, tuple[int, int | None]]
    sources: dict[tuple[str, ...], tuple[int, int | None]]


def counted_slowly(store: Store, query: OverviewQuery) -> Wanted:
    sites = {site.name: ZoneInfo(site.timezone) for site in store.sites()}
    here = [query.site] if query.site else list(sites)
    today = min(_clock(query.now, sites[name]) for name in here)
    length = timedelta(days=query.span.days)
    whole = query.span is not Span.TODAY
    first = today.date() if not whole else today.date() - length
    span, last_span = (first, first + length), (first - length, first)
    until = None if whole else today.hour
    shop = _Shop(store, here, sites)
    return Wanted(
        now=shop.totals(*span, None),
        compared=shop.totals(*span, until),
        before=shop.totals(*last_span, until),
        points=_until(shop.points(*span), until),
        pages=_both(shop.pages, span, last_span, whole),
        products={
            "viewed": _both(shop.products("Product Viewed"), span, last_span, whole),
            "added": _both(shop.products("Product Added"), span, last_span, whole),
            "bought": _both(shop.bought, span, last_span, whole),
        },
        channels=_both(shop.channels, span, last_span, whole),
        sources=_both(shop.sources, span, last_span, whole),
    )


class _Shop:
    """What the exports say of some sites; `at` of each row is what the site's clocks showed."""

    def __init__(self, store: Store, here: list[str], sites: dict[str, ZoneInfo]) -> None:
        def rows(dataset: str, time: str) -> list[Row]:
            found = _rows(store, dataset)
            return [{**row, "at": _clock(row[time], sites[row["site"]])} for row in found if row["site"] in here]

        self._visits = [visit for visit in rows("visits", "from_time") if not visit["deleted"]]
        self._orders = [order for order in rows("orders", "time") if not order["deleted"]]
        self._events = [event for event in rows("events", "time") if not event["staff"]]
        self._lines = [line for line in _rows(store, "order_lines") if not line["deleted"] and line["site"] in here]

    def totals(self, first: date, end: date, until: int | None) -> tuple[Any, ...]:
        visits, orders = _inside(self._visits, first, end, until), _inside(self._orders, first, end, until)
        buyers = {order["customer"] for order in orders if order["customer"]}
        earlier = {order["customer"] for order in self._orders if order["at"].date() < first}
        sales: dict[str, list[Decimal]] = {}
        for order in orders:
            if order["total"] is not None:
                sums = sales.setdefault(order["currency"] or "", [Decimal(0)] * 3)
                total, refunded = Decimal(order["total"]), Decimal(order["refunded"])
                sums[:] = sums[0] + total, sums[1] + refunded, sums[2] + (0 if order["confirmed"] else total)
        return (
            len({visit["visitor"] for visit in visits}),
            len(visits),
            len(orders),
            sum(not order["confirmed"] for order in orders),
            len(buyers),
            len(buyers - earlier),
            {
                currency: (gross, refunded, gross - refunded, bare)
                for currency, (gross, refunded, bare) in sales.items()
            },
        )

    def points(self, first: date, end: date) -> list[tuple[Any, ...]]:
        if end - first > timedelta(days=1):
            days = [first + timedelta(days=n) for n in range((end - first).days)]
            return [self._point(day, None, lambda at, day=day: at.date() == day) for day in days]  # type: ignore[misc]
        return [
            self._point(first, hour, lambda at, hour=hour: at.date() == first and at.hour == hour)  # type: ignore[misc]
            for hour in range(24)
        ]

    def _point(self, day: date, hour: int | None, fits: Callable[[datetime], bool]) -> tuple[Any, ...]:
        visits = [visit for visit in self._visits if fits(visit["at"])]
        orders = [order for order in self._orders if fits(order["at"])]
        # In an hour, those whose earliest visit of the day it was.
        met = {
            visit["visitor"]
            for visit in self._visits
            if hour is not None and visit["at"].date() == day and visit["at"].hour < hour
        }
        visitors = {visit["visitor"] for visit in visits} - met
        return day, hour, len(visitors), len(visits), len(orders), sum(not order["confirmed"] for order in orders)

    def pages(self, first: date, end: date) -> Iterable[str]:
        for event in _inside(self._events, first, end, None):
            address = event["url"].partition("#")[0].partition("?")[0]
            if event["type"] == "page" and address:
                yield address

    def products(self, name: str) -> Callable[[date, date], Iterable[tuple[str, str]]]:
        def named(first: date, end: date) -> Iterable[tuple[str, str]]:
            for event in _inside(self._events, first, end, None):
                said = json.loads(event["properties"] or "{}")
                product_id = said.get("product_id") or said.get("sku")
                if event["type"] == "track" and event["name"] == name and product_id:
                    yield event["site"], str(product_id)

        return named

    def bought(self, first: date, end: date) -> Iterable[tuple[str, str]]:
        for order in _inside(self._orders, first, end, None):
            its = [
                each for each in self._lines if (each["site"], each["order_id"]) == (order["site"], order["order_id"])
            ]
            yield from {(line["site"], line["product_id"] or line["sku"]) for line in its} - {(order["site"], None)}

    def channels(self, first: date, end: date) -> Iterable[str]:
        return (visit["channel"] for visit in _inside(self._visits, first, end, None))

    def sources(self, first: date, end: date) -> Iterable[tuple[str, ...]]:
        for visit in _inside(self._visits, first, end, None):
            campaign = (visit["campaign_source"], visit["campaign_medium"], visit["campaign_name"])
            host = "" if any(campaign) else urlsplit(visit["referrer"]).hostname or ""
            if host or any(campaign):
                yield (visit["channel"], host, *campaign)


def _rows(store: Store, dataset: str) -> list[Row]:
    names = [column.name for column in DATASETS[dataset].columns]
    batches = store.export(dataset, ExportQuery()).batches
    return [dict(zip(names, row, strict=True)) for batch in batches for row in batch]


def _until(points: list[tuple[Any, ...]], until: int | None) -> list[tuple[Any, ...]]:
    """Of today no hour that is yet to come, unless it has come at a site further east."""
    while until is not None and points[-1][1] > until and not any(points[-1][2:]):
        points.pop()
    return points


def _clock(ms: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone).replace(tzinfo=None)


def _inside(rows: list[Row], first: date, end: date, until: int | None) -> list[Row]:
    return [row for row in rows if first <= row["at"].date() < end and (until is None or row["at"].hour < until)]


def _both(
    names: Callable[[date, date], Iterable[Any]], span: tuple[date, date], last_span: tuple[date, date], whole: bool
) -> dict[Any, tuple[int, int | None]]:
    now, before = Counter(names(*span)), Counter(names(*last_span))
    return {name: (n, before[name] if whole else None) for name, n in now.items()}
