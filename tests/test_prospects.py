"""Prospects: who is not known yet and how far each one came, against a slow reader of the timelines.

`FOOTFALL_SOAK=1` runs many more examples.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from conftest import make_site
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from oracle import visits as runs
from oracle_words import place_of
from random_logs import SITES, logs, moments
from test_identity_properties import Book, all_activity, all_keys

from collector.errors import Misuse, NotFound
from collector.event import MINUTE_MS, Campaign, Event, Setup, Trust
from collector.store.prospects import SORTS, Prospect, ProspectQuery, Reached, step_of
from collector.store.sqlite.store import SqliteStore
from collector.visits import forms_visit

SOAK = bool(os.environ.get("FOOTFALL_SOAK"))
thorough = settings(
    max_examples=3_000 if SOAK else 60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
pytestmark = pytest.mark.timeout(7_200 if SOAK else 600)
ROOM = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
STEPS = ("Product Viewed", "Product Clicked", "Products Searched", "Product Added", "Checkout Started", "Cart Viewed")


@pytest.fixture(scope="module")
def room() -> Iterator[Path]:
    """A directory with an empty database, to be copied."""
    with TemporaryDirectory(dir=ROOM) as folder:
        with closing(SqliteStore.open(f"{folder}/empty.db")) as store:
            for name, ids in SITES.items():
                store.put_site(make_site(name, ids=ids))
        yield Path(folder)


@st.composite
def shopping(draw: st.DrawFn) -> list[Event]:
    """Random logs in which some of what is done is a step towards an order."""
    stepped = []
    for event in draw(logs()):
        if event.type in ("page", "screen") or event.name == "Quiz Taken":
            name = draw(st.sampled_from(("", *STEPS)))
            event = replace(event, type="track", name=name) if name else event
        stepped.append(event)
    return stepped


# What the timelines say, event by event ----------------------------------------------------------------------------


def told(store: SqliteStore, log: Sequence[Event]) -> dict[str, tuple[Any, ...]]:
    """visitor -> (known, site, last seen, step, views, visits), read the slow way."""
    staffed = {event.received for event in log if event.staff}
    servers = {event.received for event in log if event.server}
    found: dict[str, tuple[Any, ...]] = {}
    for visitor in {event.visitor for event in log if event.visitor}:
        events = all_activity(store, f"visitor:{visitor}")
        events.sort(key=lambda each: (each.time, each.id, each.received in servers, each.site))
        there = [each for each in events if forms_visit(each.type, each.name, each.received in staffed)]
        if there:
            last = there[-1]
            steps = [step_of(each.type, each.name) for each in events if each.received not in staffed]
            views = sum(each.name == "Product Viewed" for each in events if each.received not in staffed)
            # Not counted by their ids: two visits may begin with the same messageId, of either kind of key.
            visits = len(runs(sorted((e for e in log if e.visitor == visitor), key=place_of)))
            found[visitor] = (last.customer is not None, last.site, last.time, max(steps), views, visits)
    return found


def every(store: SqliteStore, query: ProspectQuery) -> list[Prospect]:
    """All pages, small ones, so that cursors are tried too."""
    found: list[Prospect] = []
    while True:
        page = store.prospects(query)
        assert len(page.prospects) <= query.limit
        found += page.prospects
        if page.next is None:
            return found
        query = replace(query, cursor=page.next)


def assert_told(store: SqliteStore, log: Sequence[Event]) -> None:
    wanted = {visitor: row for visitor, row in told(store, log).items() if not row[0]}
    for sort in SORTS:
        shown = every(store, ProspectQuery(sort=sort, limit=2))
        rows = [(p.visitor, (False, p.site, p.last_seen, p.reached, p.views, p.visits)) for p in shown]
        assert len(rows) == len(wanted)
        assert dict(rows) == wanted
        order = [(row[3] if sort == "interest" else 0, row[2]) for _, row in rows]
        assert order == sorted(order, reverse=True)


ROWS = """
SELECT visitors.visitor, known, site, last_time, (SELECT time + lag FROM events WHERE seq = last_seq), reached, views
FROM sightings JOIN visitors ON visitors.id = sightings.visitor ORDER BY 1
"""


# The property ------------------------------------------------------------------------------------------------------


@thorough
@given(log=shopping(), data=st.data())
def test_prospects_are_those_of_the_timelines_in_any_order_in_any_batches_and_anew(
    room: Path, log: list[Event], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(log))
    portions = data.draw(st.lists(st.integers(1, 6), min_size=1, max_size=5))
    reopens = data.draw(st.lists(st.booleans(), min_size=1, max_size=5))
    unlinking = data.draw(st.none() | st.tuples(st.integers(0, 9), moments()))
    plain, other = Book(room, "sightings-plain.db"), Book(room, "sightings-other.db")
    try:
        plain.store.append(log)
        plain.settle()
        assert_told(plain.store, log)
        n, at = 0, 0
        while at < len(shuffled):
            portion = portions[n % len(portions)]
            other.store.append(shuffled[at : at + portion])
            other.store.follow(portion)
            if reopens[n % len(reopens)]:
                other.store.close()
                other.store = SqliteStore.open(other.path)
            at, n = at + portion, n + 1
        other.settle()
        assert other.rows(ROWS) == plain.rows(ROWS)
        if unlinking:
            take_a_visitor_away(other.store, *unlinking)
            assert_told(other.store, log)
        before = other.rows(ROWS)
        other.store.rebuild()
        assert other.rows(ROWS) == before
        assert_told(other.store, log)
    finally:
        plain.close()
        other.close()


@settings(thorough, max_examples=thorough.max_examples // 2)
@given(log=shopping(), which=st.integers(0, 9))
def test_an_erasure_leaves_of_each_visitor_what_is_still_there(room: Path, log: list[Event], which: int) -> None:
    book = Book(room, "sightings-erased.db")
    try:
        book.store.append(log)
        book.settle()
        keys = sorted(all_keys(book.store))
        if not keys:
            return
        book.store.erase(keys[which % len(keys)], log[-1].received)
        left = {received for (received,) in book.rows("SELECT time + lag FROM events")}
        assert_told(book.store, [event for event in log if event.received in left])
        before = book.rows(ROWS)
        book.store.rebuild()
        assert book.rows(ROWS) == before
    finally:
        book.close()


def take_a_visitor_away(store: SqliteStore, which: int, at: int) -> None:
    joined = sorted(
        (key, each.visitor) for key in all_keys(store) if (profile := store.profile(key)) for each in profile.visitors
    )
    if joined:
        store.unlink(*joined[which % len(joined)], at)


@settings(thorough, max_examples=thorough.max_examples // 2)
@given(log=shopping())
def test_a_file_from_before_the_table_gets_the_rows_that_a_new_one_has(room: Path, log: list[Event]) -> None:
    # Twins of one millisecond have an order that the file's own upgrade does not look at; a rebuild does.
    log = list({(event.visitor, event.time): event for event in log}.values())
    book = Book(room, "sightings-old.db")
    try:
        book.store.append(log)
        book.settle()
        wanted = book.rows(ROWS)
        script = Path(__file__).parents[1] / "collector/store/sqlite/migrations/0006_visitors.sql"
        with closing(sqlite3.connect(book.path)) as conn:
            conn.execute("DROP TABLE sightings")
            conn.executescript(script.read_text())
        assert book.rows(ROWS) == wanted
    finally:
        book.close()


# Told one by one ---------------------------------------------------------------------------------------------------

NOW = 1_790_000_000_000


def do(
    store: SqliteStore, name: str, visitor: str | None = "v", minutes: int = 0, site: str = "shop", **fields: Any
) -> None:
    """Something that a visitor does; '' is a look at a page."""
    properties = fields.pop("properties", None)
    time = NOW + minutes * MINUTE_MS
    kind = fields.pop("type", "track" if name else "page")
    n = len(store.arrivals(0, 10_000))
    told = {"trust": Trust.BROWSER, "properties": json.dumps(properties) if properties else "", **fields}
    store.append(
        [Event(site=site, id=f"m{n}", type=kind, name=name, time=time, received=time, visitor=visitor, **told)]
    )
    while store.follow():
        pass


def shown(store: SqliteStore, **query: Any) -> list[str]:
    return [each.visitor for each in store.prospects(ProspectQuery(**query)).prospects]


def test_a_prospect_shows_what_it_did(store: SqliteStore) -> None:
    came = {"referrer": "https://search.example/", "channel": "organic", "campaign": Campaign(source="news")}
    phone = Setup(device="phone", browser="Firefox", os="Android")
    do(store, "", url="https://shop.example/", title="Shop", **came)
    do(store, "Product Viewed", minutes=1, properties={"name": "Red boots"})
    boots = {"product_id": "1", "name": "Red boots", "price": 89.5, "quantity": 2, "currency": "EUR"}
    do(store, "Product Added", minutes=2, properties=boots)
    do(store, "", minutes=90, setup=phone, title="Shipping")
    (only,) = store.prospects(ProspectQuery()).prospects
    assert (only.visitor, only.site, only.reached) == ("v", "shop", Reached.CARTED)
    assert (only.first_seen, only.last_seen) == (NOW, NOW + 90 * MINUTE_MS)
    assert (only.visits, only.events, only.views) == (2, 4, 1)
    assert (only.looked_at.name, only.looked_at.properties) == ("Product Viewed", '{"name": "Red boots"}')
    assert (only.came.channel, only.came.referrer) == ("organic", "https://search.example/")
    assert only.came.campaign == Campaign(source="news")
    assert only.cart is not None
    assert (only.cart.items, only.cart.value, only.cart.currency) == ("2", "179.0", "EUR")
    assert (only.device, only.browser, only.os) == ("phone", "Firefox", "Android")


def test_who_looked_at_no_product_shows_the_last_page(store: SqliteStore) -> None:
    do(store, "", title="Shop")
    do(store, "", minutes=1, title="Shipping")
    (only,) = store.prospects(ProspectQuery()).prospects
    assert only.looked_at.title == "Shipping"
    assert only.cart is None


def test_a_cart_in_two_currencies_has_no_value(store: SqliteStore) -> None:
    do(store, "Product Added", properties={"product_id": "1", "price": 1, "currency": "EUR"})
    do(store, "Product Added", minutes=1, properties={"product_id": "2", "price": 1, "currency": "USD"})
    (only,) = store.prospects(ProspectQuery()).prospects
    assert only.cart is not None
    assert (only.cart.items, only.cart.value) == ("2", None)


def test_a_log_in_takes_a_visitor_off_the_list_and_a_log_out_brings_it_back_at_its_next_event(
    store: SqliteStore,
) -> None:
    do(store, "")
    assert shown(store) == ["v"]
    do(store, "", minutes=1, type="identify", user="A")
    assert shown(store) == []
    do(store, "Signed Out", minutes=2)
    assert shown(store) == []
    do(store, "", minutes=3)
    assert shown(store) == ["v"]


def test_what_staff_note_of_who_has_left_changes_nothing_of_whose_the_latest_event_is(store: SqliteStore) -> None:
    do(store, "Signed In", user="A")
    do(store, "Signed Out", minutes=1)
    do(store, "Note Added", minutes=2, user="A", staff=True, trust=Trust.SERVER)
    do(store, "Note Added", minutes=3, user="A", staff=True, trust=Trust.SERVER)
    assert shown(store) == []


def test_what_others_say_of_a_visitor_takes_it_off_the_list_too(store: SqliteStore) -> None:
    do(store, "", visitor="v")
    do(store, "Order Completed", visitor="w", properties={"order_id": "1001"})
    assert shown(store) == ["w", "v"]
    do(store, "", minutes=1, visitor=None, type="alias", user="A", previous="v", trust=Trust.SERVER)
    assert shown(store) == ["w"]
    told = {"order_id": "1001", "email": "jane@x"}
    do(store, "Order Completed", minutes=1, visitor=None, email="jane@x", trust=Trust.SERVER, properties=told)
    assert shown(store) == []


def test_an_unlink_brings_a_visitor_back(store: SqliteStore) -> None:
    do(store, "", type="identify", user="A")
    assert shown(store) == []
    store.unlink("A", "v", NOW + MINUTE_MS)
    assert shown(store) == ["v"]


def test_what_staff_did_and_what_came_by_mail_is_no_sighting(store: SqliteStore) -> None:
    do(store, "", visitor="v")
    do(store, "Email Opened", visitor="v", minutes=9, site="outlet")
    do(store, "Checkout Started", visitor="v", minutes=10, staff=True, trust=Trust.SERVER)
    do(store, "Email Opened", visitor="mailed", minutes=11)
    (only,) = store.prospects(ProspectQuery()).prospects
    assert (only.visitor, only.site, only.last_seen, only.reached) == ("v", "shop", NOW, Reached.LOOKED)


def test_prospects_are_found_by_site_by_time_and_by_step(store: SqliteStore) -> None:
    do(store, "", visitor="a", minutes=1)
    do(store, "Product Viewed", visitor="b", minutes=2, site="outlet")
    do(store, "Product Added", visitor="c", minutes=3)
    do(store, "Checkout Started", visitor="d", minutes=4, site="outlet")
    assert shown(store) == ["d", "c", "b", "a"]
    assert shown(store, sort="interest") == ["d", "c", "b", "a"]
    do(store, "", visitor="a", minutes=5)
    do(store, "Product Viewed", visitor="e", minutes=6)
    assert shown(store, sort="interest") == ["d", "c", "e", "b", "a"]
    assert shown(store, site="outlet") == ["d", "b"]
    assert shown(store, site="nowhere") == []
    assert shown(store, since=NOW + 5 * MINUTE_MS) == ["e", "a"]
    assert shown(store, reached=Reached.CARTED) == ["d", "c"]
    assert shown(store, reached=Reached.CARTED, site="shop", sort="interest") == ["c"]


def test_paging_neither_misses_nor_repeats_while_others_come(store: SqliteStore) -> None:
    for n in range(9):
        do(store, ("", "Product Viewed", "Product Added")[n % 3], visitor=f"v{n}", minutes=n // 2)
    for sort in SORTS:
        query, found = ProspectQuery(sort=sort, limit=2), list[str]()
        while True:
            page = store.prospects(query)
            found += [each.visitor for each in page.prospects]
            do(store, "", visitor=f"new-{sort}-{len(found)}", minutes=60)
            if page.next is None:
                break
            query = replace(query, cursor=page.next)
        seen = [visitor for visitor in found if not visitor.startswith("new")]
        assert sorted(seen) == [f"v{n}" for n in range(9)]


def test_people_who_are_there_now_are_counted_known_or_not(store: SqliteStore) -> None:
    do(store, "", visitor="a")
    do(store, "", visitor="b", minutes=8, type="identify", user="B")
    do(store, "Product Viewed", visitor="c", minutes=9, site="outlet")
    since = NOW + 5 * MINUTE_MS
    assert store.present(None, since) == 2
    assert store.present("shop", since) == 1
    assert store.present(None, NOW) == 3
    assert store.present(None, NOW + 10 * MINUTE_MS) == 0


@pytest.mark.parametrize("cursor", ["x", "00", "5b315d", "5b312c322c225c7530303030225d", "5b" + "31" * 400 + "5d"])
def test_a_cursor_that_nobody_gave_is_refused(store: SqliteStore, cursor: str) -> None:
    with pytest.raises(Misuse):
        store.prospects(ProspectQuery(cursor=cursor))


def test_a_sort_that_is_none_is_refused(store: SqliteStore) -> None:
    with pytest.raises(Misuse):
        store.prospects(ProspectQuery(sort="name"))


def test_an_erased_visitor_is_gone(store: SqliteStore) -> None:
    do(store, "Product Added", properties={"name": "x"})
    do(store, "", minutes=1, type="identify", user="A")
    store.erase("A", NOW + 2 * MINUTE_MS)
    assert store.present(None, 0) == 0
    with pytest.raises(NotFound):
        store.erase("A", NOW + 3 * MINUTE_MS)


def test_the_list_is_read_from_its_index(store: SqliteStore) -> None:
    plan = "EXPLAIN QUERY PLAN SELECT last_time, visitor FROM sightings WHERE known = 0 AND site = 1 AND reached = 1"
    plan += " AND last_time BETWEEN 0 AND 9 ORDER BY last_time DESC, visitor DESC"
    with closing(sqlite3.connect(store.path)) as conn:
        ((_, _, _, how),) = conn.execute(plan).fetchall()
    assert "COVERING INDEX sightings_reached" in how
