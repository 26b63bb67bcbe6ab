"""What Home shows is kept right through packing, restarts, faults, erasure and a change of the site's clocks."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from conftest import make_site
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from collector.errors import NotFound
from collector.event import DAY_MS, Event, Trust
from collector.store.days import day_of, local_hour
from collector.store.overview import By, OverviewQuery, Product, Span
from collector.store.sqlite import overview_counting
from collector.store.sqlite.connection import connect
from collector.store.sqlite.overview_cells import LEVELS, Packing, What, cells_of_span, pack, parts, unpack
from collector.store.sqlite.store import SqliteStore

HOUR = 3_600_000
TODAY = 20_717 * DAY_MS  # Monday 21 September 2026
JANE = "https://shop.example/jane-only"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "footfall.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore.open(str(path))
    store.put_site(make_site())
    yield store
    store.close()


def page(id: str, time: int, visitor: str = "v", **fields: Any) -> Event:
    given = {"type": "page", "name": "", "url": "https://shop.example/", "channel": "direct", **fields}
    return Event(site="shop", id=id, trust=Trust.BROWSER, time=time, received=time, visitor=visitor, **given)


def product(id: str, time: int, name: str, told: str = "Product Viewed", **fields: Any) -> Event:
    properties = json.dumps({"product_id": "P1", "name": name})
    return page(id, time, **{"type": "track", "name": told, "properties": properties, "url": "", **fields})


def settle(store: SqliteStore) -> None:
    while store.follow(7) or store.overview(OverviewQuery(span=Span.TODAY, now=TODAY)).recounted is not None:
        pass


def views(store: SqliteStore, span: Span = Span.MONTH, now: int = TODAY) -> dict[str, int]:
    return {each.path: each.views.now for each in store.overview(OverviewQuery(span=span, now=now)).pages}


def visits(store: SqliteStore, now: int = TODAY, site: str | None = None) -> dict[int, int]:
    """Visits of the last 30 days, by how many days ago."""
    points = store.overview(OverviewQuery(span=Span.MONTH, now=now, site=site)).points
    return {len(points) - n: point.visits for n, point in enumerate(points) if point.visits}


def everything(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in path.parent.iterdir())


# Cells -------------------------------------------------------------------------------------------------------------

CELLS = st.dictionaries(st.integers(1, 2**32 - 1), st.integers(1, 2**32 - 1), max_size=50)


@given(cells=CELLS)
def test_what_was_packed_is_what_is_unpacked(cells: dict[int, int]) -> None:
    assert dict(unpack(pack(cells))) == cells


@given(first=st.integers(0, 30_000), days=st.integers(0, 400))
def test_a_span_is_made_of_the_largest_blocks_that_lie_in_it_each_day_once(first: int, days: int) -> None:
    found = list(parts(first, first + days))
    covered = [day for _, start, end in found for day in range(start, end)]
    assert sorted(covered) == list(range(first, first + days))
    for level, start, end in found:
        assert level in LEVELS and start % level == 0 and end % level == 0
    # No more pieces than a few of each size at either end.
    pieces = Counter(
        {level: sum((end - start) // level for each, start, end in found if each == level) for level in LEVELS}
    )
    assert pieces[1] <= 14 and pieces[8] <= 6


@given(
    rows=st.lists(st.tuples(st.integers(0, 80), st.integers(1, 9), st.integers(-2, 5)), max_size=60),
    packed=st.lists(st.integers(0, 80), max_size=20),
    span=st.tuples(st.integers(0, 80), st.integers(0, 80)),
    keys=st.none() | st.sets(st.integers(1, 9)),
)
def test_packing_changes_no_sum(
    rows: list[tuple[int, int, int]], packed: Sequence[int], span: tuple[int, int], keys: set[int] | None
) -> None:
    with closing(sqlite3.connect(":memory:")) as conn:
        conn.executescript(
            "CREATE TABLE overview_cells (day, what, site, key, n, PRIMARY KEY (day, what, site, key));"
            "CREATE TABLE overview_packed (what, days, first_day, site, cells, UNIQUE (what, days, first_day, site));"
        )
        packing, wanted = Packing(conn), Counter[int]()
        sums = Counter[tuple[int, int]]()
        for n, (day, key, more) in enumerate(rows):
            more = max(more, -sums[day, key])  # nothing leaves that had not come
            sums[day, key] += more
            if min(span) <= day <= max(span):
                wanted[key] += more
            conn.execute(
                "INSERT INTO overview_cells VALUES (?, 0, 1, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n",
                (day, key, more),
            )
            if n < len(packed):
                packing.pack_day(packed[n])
        found = cells_of_span(conn, What.PAGE_VIEWS, 1, min(span), max(span), keys)
        assert {key: n for key, n in found.items() if keys is None or key in keys} == {
            key: n for key, n in wanted.items() if n and (keys is None or key in keys)
        }


def test_days_that_are_over_are_packed_and_late_calls_count_there_too(store: SqliteStore, path: Path) -> None:
    for day in range(40, 0, -1):
        store.append([page(f"m{day}", TODAY - day * DAY_MS + HOUR, f"v{day}")])
        settle(store)
    with closing(sqlite3.connect(path)) as conn:
        days = {TODAY // DAY_MS - day for (day,) in conn.execute("SELECT DISTINCT day FROM overview_cells")}
    assert days == {1, 2}
    store.append([page("late", TODAY - 20 * DAY_MS + HOUR, "late")])
    settle(store)
    assert views(store) == {"https://shop.example/": 31}
    assert visits(store)[20] == 2


# What happens to a file --------------------------------------------------------------------------------------------


def test_what_was_counted_but_not_yet_added_outlives_the_process(store: SqliteStore, path: Path) -> None:
    store.append([page(f"m{n}", TODAY - DAY_MS + n, f"v{n}") for n in range(3)])
    assert store.follow(1)
    with closing(SqliteStore.open(str(path))) as another:
        settle(another)
        assert views(another) == {"https://shop.example/": 3} and visits(another) == {1: 3}


def test_what_is_rolled_back_counts_for_nothing(store: SqliteStore, path: Path) -> None:
    with sqlite3.connect(path) as conn:  # a fault that only this one event meets
        conn.execute(
            "CREATE TRIGGER fault BEFORE INSERT ON traits WHEN NEW.name = 'poison' BEGIN SELECT RAISE(ABORT, 'x'); END"
        )
    conn.close()
    bad = page("bad", TODAY - DAY_MS, "w", type="identify", user="B", properties='{"poison":1}', url="")
    store.append([*(page(f"m{n}", TODAY - DAY_MS + n) for n in range(5)), bad, page("last", TODAY - DAY_MS + 9)])
    while store.follow():
        pass
    assert store.stats()["set_aside"] == 1
    assert views(store) == {"https://shop.example/": 6} and visits(store) == {1: 1}


def test_a_file_from_before_there_was_a_home_is_counted_at_the_next_step(store: SqliteStore, path: Path) -> None:
    store.append([page("m1", TODAY - DAY_MS), product("m2", TODAY - DAY_MS, "Lamp"), page("m3", TODAY - 9 * DAY_MS)])
    settle(store)
    wanted = store.overview(OverviewQuery(span=Span.MONTH, now=TODAY))
    assert wanted.now.visits == 2
    store.close()
    conn = connect(str(path), create=False)
    for table in ("hours", "gaps", "sales", "cells", "packed", "paths", "products", "sources"):
        conn.execute(f"DELETE FROM overview_{table}")
    conn.execute("INSERT INTO meta VALUES ('overview_due', '{}')")
    conn.close()
    with closing(SqliteStore.open(str(path))) as another:
        another.append([page("m4", TODAY - DAY_MS + 60_000)])
        settle(another)
        found = another.overview(OverviewQuery(span=Span.MONTH, now=TODAY))
        assert found.now == wanted.now and found.points == wanted.points
        assert views(another) == {"https://shop.example/": 3}


def test_when_a_sites_clocks_are_set_anew_its_days_are_counted_anew(store: SqliteStore) -> None:
    store.append([page("m1", TODAY - 2 * HOUR)])  # 22:00 in UTC, next morning in Tokyo
    settle(store)
    assert visits(store, TODAY + 10 * HOUR) == {1: 1}
    store.put_site(structs.replace(make_site(), timezone="Asia/Tokyo"))
    settle(store)
    assert visits(store, TODAY + 10 * HOUR) == {}
    assert visits(store, TODAY + 34 * HOUR) == {1: 1}


def test_what_happens_during_a_long_recount_is_counted_once(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overview_counting, "RECOUNTED_A_STEP", 1)
    monkeypatch.setattr(overview_counting, "_RECOUNTED_TOGETHER", 1)
    names = ("ann", "bea", "cid", "dan")
    for n, name in enumerate(names):
        store.append([page(f"{name}1", TODAY - (n + 2) * DAY_MS, name), page(f"{name}2", TODAY - DAY_MS, name)])
        store.append([page(f"{name}3", TODAY - DAY_MS + 1, name, type="identify", user=name, url="")])
    settle(store)
    store.put_site(structs.replace(make_site(), timezone="Europe/Paris"))
    for n in range(9):
        store.append([page(f"more{n}", TODAY - DAY_MS + n * HOUR, names[n % 4])])
        store.follow(7)
        if n in (1, 6):
            store.erase(names[n % 4], TODAY)
    assert store.overview(OverviewQuery(span=Span.MONTH, now=TODAY)).recounted is not None, "it was to be a long one"
    query = OverviewQuery(span=Span.MONTH, now=TODAY, limit=100)
    settle(store)
    found = store.overview(query)
    store.rebuild()
    assert store.overview(query) == found
    assert found.now.visitors == 2 and found.now.visits > 4


def test_over_sites_with_other_clocks_each_has_its_own_days(store: SqliteStore) -> None:
    store.put_site(make_site("tokyo", timezone="Asia/Tokyo"))
    early = structs.replace(page("t1", TODAY - 10 * HOUR, "t"), site="tokyo")  # 23:00 of the 20th there
    store.append([early, page("m1", TODAY - 10 * HOUR)])
    settle(store)
    at = TODAY + HOUR  # 10:00 of the 21st in Tokyo, 01:00 of it in UTC
    assert visits(store, at, "tokyo") == visits(store, at, "shop") == {1: 1}
    assert visits(store, at) == {1: 2}
    overview = store.overview(OverviewQuery(span=Span.WEEK, now=TODAY - 10 * HOUR))
    assert overview.zone is None and overview.last_day == day_of(TODAY // DAY_MS - 2)


def test_a_visitor_at_two_sites_is_one_visitor_over_all(store: SqliteStore) -> None:
    store.put_site(make_site("outlet"))
    store.append([page("m1", TODAY - DAY_MS), structs.replace(page("m2", TODAY - DAY_MS + 2 * HOUR), site="outlet")])
    settle(store)

    def visitors(site: str | None) -> int:
        return store.overview(OverviewQuery(span=Span.WEEK, now=TODAY, site=site)).now.visitors

    assert [visitors("shop"), visitors("outlet"), visitors(None)] == [1, 1, 1]


def test_there_is_no_home_of_a_site_that_is_not(store: SqliteStore) -> None:
    with pytest.raises(NotFound):
        store.overview(OverviewQuery(span=Span.WEEK, now=TODAY, site="nowhere"))


# Products and names ------------------------------------------------------------------------------------------------


def products(store: SqliteStore) -> tuple[Product, ...]:
    return store.overview(OverviewQuery(span=Span.WEEK, now=TODAY, by=By.VIEWED)).products


@pytest.mark.parametrize("portion", [1, 3])
@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_product_is_called_as_on_the_latest_day_in_whatever_order_calls_come(
    store: SqliteStore, order: tuple[int, ...], portion: int
) -> None:
    told = [
        product("m1", TODAY - 3 * DAY_MS, "Lamp"),
        product("m2", TODAY - 2 * DAY_MS, "Lantern"),
        product("m3", TODAY - 3 * DAY_MS + HOUR, "Lamp"),
    ]
    for at in range(0, len(order), portion):
        store.append([told[n] for n in order[at : at + portion]])
        settle(store)
    assert [(each.name, each.viewed.now) for each in products(store)] == [("Lantern", 3)]


def test_a_product_without_an_id_counts_by_its_sku_and_one_without_either_does_not(store: SqliteStore) -> None:
    told = [
        {"sku": "S1"},
        {"id": 7},
        {"product_id": " "},
        {"product_id": ["x"]},
        {"name": "Lamp"},
        {"product_id": 1.50},
    ]
    store.append([product(f"m{n}", TODAY - DAY_MS, "", properties=json.dumps(each)) for n, each in enumerate(told)])
    settle(store)
    assert {each.product_id for each in products(store)} == {"S1", "7", "1.5"}


# Erasure -----------------------------------------------------------------------------------------------------------


def test_of_the_erased_no_page_product_or_campaign_is_left_and_no_figure(store: SqliteStore, path: Path) -> None:
    hers = product("j2", TODAY - 5 * DAY_MS + 1, "Mug for Jane", visitor="jane")
    order = {"order_id": "1", "total": 5, "currency": "XJN", "products": [{"product_id": "P9", "name": "Jane's own"}]}
    store.append(
        [
            page("j1", TODAY - 5 * DAY_MS, "jane", url=JANE, referrer="https://jane.example/", channel="referral"),
            hers,
            page("j3", TODAY - 5 * DAY_MS + 2, "jane", type="identify", user="jane", url=""),
            page(
                "j4", TODAY - 5 * DAY_MS + 3, "jane", type="track", name="Order Completed", properties=json.dumps(order)
            ),
            product("o1", TODAY - 6 * DAY_MS, "Mug", visitor="other"),
            *(page(f"o{n}", TODAY - n * DAY_MS, "other") for n in range(2, 5)),
        ]
    )
    settle(store)
    marks = [mark.encode() for mark in ("jane-only", "Mug for Jane", "jane.example", "Jane's own", "XJN")]
    assert all(mark in everything(path) for mark in marks), "the search itself must be able to find them"

    store.erase("jane", TODAY)

    assert [mark for mark in marks if mark in everything(path)] == []
    found = store.overview(OverviewQuery(span=Span.WEEK, now=TODAY))
    assert (found.now.visitors, found.now.orders, found.now.sales) == (1, 0, ())
    assert {each.path for each in found.pages} == {"https://shop.example/"}
    assert [(each.name, each.viewed.now) for each in found.products] == [("Mug", 1)]
    assert [each.channel for each in found.channels] == ["direct"]


# Hours -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "ms", "day", "hour"),
    [
        ("UTC", TODAY, "2026-09-21", 0),
        ("Europe/Paris", TODAY - HOUR, "2026-09-21", 1),
        ("Asia/Kolkata", TODAY + 45 * 60_000, "2026-09-21", 6),
        ("Pacific/Chatham", TODAY, "2026-09-21", 12),
        ("America/Los_Angeles", TODAY + 6 * HOUR, "2026-09-20", 23),
        ("no such zone", TODAY, "2026-09-21", 0),
        ("Asia/Tokyo", 2**62, "9999-01-01", 9),
        ("UTC", -1, "1970-01-01", 0),
    ],
)
def test_hours_are_those_that_clocks_showed_there(zone: str, ms: int, day: str, hour: int) -> None:
    number = local_hour(zone, ms)
    assert (day_of(number // 24).isoformat(), number % 24) == (day, hour)
