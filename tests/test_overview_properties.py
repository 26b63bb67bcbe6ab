"""Home's figures are exact, whatever happened in whatever order: checked against a slow count of the exports.

`FOOTFALL_SOAK=1` runs many more examples.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from conftest import make_site
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs
from oracle_overview import Wanted, counted_slowly
from random_logs import SITES, START, logs

from collector.event import DAY_MS, MINUTE_MS, Event, Trust
from collector.store.overview import By, Count, Overview, OverviewQuery, Span, Totals
from collector.store.sqlite.store import SqliteStore

SOAK = bool(os.environ.get("FOOTFALL_SOAK"))
pytestmark = pytest.mark.timeout(7_200 if SOAK else 600)
ROOM = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
NOW = START + 3 * DAY_MS
# In Havana the clocks jump at midnight: a day may end twice.
ZONES = ("UTC", "Europe/Paris", "America/Havana", "Pacific/Chatham")
DAYS_AGO = (0, 0, 0, 1, 2, 6, 7, 8, 13, 29, 30, 31, 60, 89, 90, 91, 92, 179, 181, 400)
URLS = ("https://shop.example/", "https://shop.example/p/1?utm=x", "https://shop.example/p/1#size", "")
REFERRERS = (("", "direct"), ("https://www.google.com/", "search"), ("https://blog.example/a", "referral"))
SOLD = [{"product_id": "P1", "name": "Lamp", "quantity": 2}, {"sku": "S2"}, {"product_id": "P1"}]


@pytest.fixture(scope="module")
def room() -> Iterator[Path]:
    """A directory with an empty database, to be copied."""
    with TemporaryDirectory(dir=ROOM) as folder:
        with closing(SqliteStore.open(f"{folder}/empty.db")) as store:
            for name, ids in SITES.items():
                store.put_site(make_site(name, ids=ids))
        yield Path(folder)


@st.composite
def quarters(draw: st.DrawFn) -> list[Event]:
    """Random logs spread over days that lie on the edges of spans, with pages, products and sources in them."""
    return [_dressed(draw, event) for event in draw(logs(calls_max=14))]


def _dressed(draw: st.DrawFn, event: Event) -> Event:
    referrer, channel = draw(st.sampled_from(REFERRERS))
    changed: dict[str, Any] = {
        "time": max(
            1, event.time - draw(st.sampled_from(DAYS_AGO)) * DAY_MS - draw(st.integers(0, 30)) * 47 * MINUTE_MS
        )
    }
    if event.visitor and event.trust is not Trust.SERVER:
        changed |= {"referrer": referrer, "channel": channel, "url": draw(st.sampled_from(URLS))}
    if event.name == "Quiz Taken":
        said = {
            "product_id": draw(st.sampled_from(["P1", 2, "P3"])),
            "name": draw(st.sampled_from(["Lamp", "Lantern"])),
        }
        changed |= {"name": draw(st.sampled_from(["Product Viewed", "Product Added"])), "properties": json.dumps(said)}
    elif event.name == "Order Completed" and draw(st.booleans()):
        told = json.loads(event.properties)
        products = draw(st.lists(st.sampled_from(SOLD), max_size=3))
        changed["properties"] = json.dumps(
            told | {"products": products, "currency": draw(st.sampled_from(["EUR", "USD"]))}
        )
    return structs.replace(event, **changed)


ACTS = st.lists(
    st.tuples(st.integers(0, 14), st.sampled_from(["erase", "rebuild", "reopen", "move", "unlink"]), st.integers(0, 9)),
    max_size=3,
)


@settings(
    max_examples=4_000 if SOAK else 20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    log=quarters(),
    steps=st.lists(st.integers(0, 6), min_size=1, max_size=6),
    acts=ACTS,
    zones=st.tuples(st.sampled_from(ZONES), st.sampled_from(ZONES)),
    later=st.integers(0, 40),
)
def test_home_shows_exactly_what_a_slow_count_of_the_exports_gives(
    room: Path,
    log: list[Event],
    steps: list[int],
    acts: list[tuple[int, str, int]],
    zones: tuple[str, str],
    later: int,
) -> None:
    store = _opened(room, zones)
    try:
        for n, event in enumerate(log):
            store.append([event])
            if steps[n % len(steps)]:
                store.follow(steps[n % len(steps)])
            for _, act, which in [each for each in acts if each[0] == n]:
                store = _act(store, act, which)
        _settle(store)
        for span in Span:
            for site in (None, "shop", "other"):
                for by in By if span is Span.MONTH else (By.VIEWED,):
                    query = OverviewQuery(span=span, now=NOW + later * 3_600_000, site=site, by=by, limit=1_000)
                    assert_same(store.overview(query), counted_slowly(store, query), by)
    finally:
        store.close()


def _opened(room: Path, zones: Sequence[str]) -> SqliteStore:
    for leftover in ("", "-wal", "-shm"):
        (room / f"one.db{leftover}").unlink(missing_ok=True)
    shutil.copy(room / "empty.db", room / "one.db")
    store = SqliteStore.open(str(room / "one.db"))
    for site, zone in zip(store.sites(), zones, strict=True):
        store.put_site(structs.replace(site, timezone=zone))
    return store


def _act(store: SqliteStore, act: str, which: int) -> SqliteStore:
    """What staff do, and what happens to the file; nobody to do it to: nothing."""
    _settle(store)
    keys = sorted(row.key for row in store.customers("", "last_seen", None, 100).customers)
    key = keys[which % len(keys)] if keys else None
    if act == "rebuild":
        store.rebuild()
    elif act == "reopen":
        store.close()
        return SqliteStore.open(store.path)
    elif act == "move":
        site = store.sites()[which % 2]
        store.put_site(structs.replace(site, timezone=ZONES[which % len(ZONES)]))
    elif act == "erase" and key is not None:
        store.erase(key, NOW)
    elif act == "unlink" and key is not None and (profile := store.profile(key)) and profile.visitors:
        store.unlink(key, profile.visitors[0].visitor, NOW - which * DAY_MS)
    return store


def _settle(store: SqliteStore) -> None:
    while store.follow(7) or store.overview(OverviewQuery(span=Span.TODAY, now=NOW)).recounted is not None:
        pass


def assert_same(found: Overview, wanted: Wanted, by: By) -> None:
    assert _figures(found.now) == wanted.now
    assert _figures(found.compared) == wanted.compared
    assert _figures(found.before) == wanted.before
    assert [structs.astuple(point) for point in found.points] == wanted.points
    assert {page.path: _pair(page.views) for page in found.pages} == wanted.pages
    listed = {(each.site, each.product_id): _pair(getattr(each, by)) for each in found.products}
    assert listed == wanted.products[by]
    for other in By:
        shown = {(each.site, each.product_id): getattr(each, other).now for each in found.products}
        assert shown == {key: wanted.products[other].get(key, (0, None))[0] for key in shown}
    assert {each.channel: _pair(each.visits) for each in found.channels if each.visits.now} == wanted.channels
    sources = {
        (each.channel, source.host, source.source, source.medium, source.campaign): _pair(source.visits)
        for each in found.channels
        for source in each.sources
    }
    assert len(sources) + sum(each.others for each in found.channels) == len(wanted.sources)
    assert sources.items() <= wanted.sources.items()


def _pair(count: Count) -> tuple[int, int | None]:
    return count.now, count.before


def _figures(totals: Totals) -> tuple[Any, ...]:
    sales = {
        each.currency: tuple(map(Decimal, (each.gross, each.refunded, each.net, each.unconfirmed)))
        for each in totals.sales
    }
    return (*structs.astuple(totals)[:-1], sales)
