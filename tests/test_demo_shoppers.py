"""The demo's made-up quarter: the same each time, accepted but for what is bad on purpose, something for every room."""

from __future__ import annotations

import ast
import sqlite3
import sys
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

import collector.demo
from collector.cli.demo import ORIGINS, SITE, ZONE, live_through
from collector.demo.back_end import instant
from collector.demo.catalogue import PRODUCTS, find
from collector.demo.people import network, person, region, uuid7
from collector.demo.shoppers import Past, quarter
from collector.enrich.arrival import Arrival
from collector.enrich.email_address import normalise_email
from collector.event import DAY_MS, MINUTE_MS, Event
from collector.ingest.acceptance import accept
from collector.ingest.sites import new_site
from collector.store import Entry, Left, Quarantined
from collector.store.sqlite.store import SqliteStore
from collector.wire import envelope_of

NOW = 1_795_348_800_000  # 2026-11-22T12:00Z
URL = "http://127.0.0.1:8000/demo"
VISITORS = 700
ROOM = Path(collector.demo.__file__).parent


@pytest.fixture(scope="module")
def past() -> Past:
    return quarter(VISITORS, 1, NOW, URL)


@pytest.fixture(scope="module")
def entries(past: Past) -> list[Entry]:
    site, _ = new_site(SITE, origins=ORIGINS, timezone=ZONE)
    return [
        entry
        for one in past.sent
        for entry in accept(
            envelope_of(one.messages),
            Arrival(site=site, server=one.server, address=one.address, user_agent=one.user_agent),
            one.received,
        )
    ]


@pytest.fixture(scope="module")
def store(past: Past, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteStore]:
    store = SqliteStore.open(str(tmp_path_factory.mktemp("demo") / "demo.db"))
    site, _ = new_site(SITE, origins=ORIGINS, timezone=ZONE)
    store.put_site(site)
    live_through(store, site, past.sent)
    yield store
    store.close()


def query(store: SqliteStore, sql: str) -> list[Any]:
    rows = sqlite3.connect(store.path)
    try:
        return rows.execute(sql).fetchall()
    finally:
        rows.close()


def test_the_same_seed_visitors_and_end_make_the_same_quarter(past: Past) -> None:
    assert quarter(VISITORS, 1, NOW, URL) == past
    assert quarter(VISITORS, 2, NOW, URL) != past


def test_no_visitors_make_an_empty_past() -> None:
    assert quarter(0, 1, NOW, URL) == Past([], [], [])


def test_requests_come_in_order_within_the_quarter(past: Past) -> None:
    received = [one.received for one in past.sent]
    assert received == sorted(received)
    assert received[0] > NOW - 92 * DAY_MS
    assert NOW - 15 * MINUTE_MS < received[-1] <= NOW
    assert all(order.at <= NOW for order in past.orders)


def test_only_what_is_bad_on_purpose_is_refused(entries: list[Entry]) -> None:
    refused = [entry for entry in entries if isinstance(entry, Quarantined)]
    assert len(entries) * 0.002 > len(refused) > 5
    assert len({entry.reason for entry in refused}) >= 4
    assert not any(entry.server for entry in refused)
    left = Counter(entry.why.value for entry in entries if isinstance(entry, Left))
    assert left["bot"] > 20
    assert left["consent"] > 10
    assert left.total() < len(entries) * 0.05


def test_no_message_is_sent_twice(entries: list[Entry]) -> None:
    ids = Counter((entry.server, entry.id) for entry in entries if isinstance(entry, Event))
    assert ids.most_common(1)[0][1] == 1


def test_time_and_place_of_browsers_survive_the_wire(past: Past, entries: list[Entry]) -> None:
    browsers = [entry for entry in entries if isinstance(entry, Event) and not entry.server]
    said = {message["messageId"]: message["timestamp"] for one in past.sent for message in one.messages}
    assert all(instant(event.time) == said[event.id] for event in browsers)
    assert all(event.received - DAY_MS < event.time <= event.received for event in browsers)
    assert all(event.consent for event in browsers)
    assert {"desktop", "mobile", "tablet"} == {event.setup.device for event in browsers}
    assert all(
        event.setup.browser and event.setup.locale and event.network.startswith("2001:db8:") for event in browsers
    )
    landed = Counter(event.channel for event in browsers if event.type == "page")
    assert all(landed[channel] for channel in ("search", "social", "email", "paid", "ai", "direct", "referral"))


def test_every_word_of_the_shop_is_told(entries: list[Entry]) -> None:
    told = {entry.name for entry in entries if isinstance(entry, Event)}
    assert told >= {
        "Product List Viewed", "Product List Filtered", "Product Viewed", "Product Clicked", "Products Searched",
        "Promotion Viewed", "Promotion Clicked", "Product Added", "Product Removed", "Cart Viewed", "Checkout Started",
        "Checkout Step Viewed", "Checkout Step Completed", "Payment Info Entered", "Payment Failed", "Coupon Entered",
        "Coupon Applied", "Coupon Denied", "Order Completed", "Order Shipped", "Order Delivered", "Order Refunded",
        "Order Cancelled", "Signed Up", "Signed In", "Signed Out", "Feedback Requested", "Feedback Given",
        "Email Delivered", "Email Opened", "Email Link Clicked", "Contact Logged", "Note Added", "Product Updated",
        "Segment Consent Preference Updated",
    }  # fmt: skip
    searches = [event.properties for event in entries if isinstance(event, Event) and event.name == "Products Searched"]
    empty = sum('"results":0' in properties for properties in searches)
    assert 0.1 < empty / len(searches) < 0.5


def test_people_are_of_many_names_and_of_no_real_address() -> None:
    chance = Random(5)
    people = [person(chance, region(chance), number) for number in range(400)]
    assert all(normalise_email(one.email) == one.email for one in people)
    assert all(one.email.rpartition("@")[2] in ("example.com", "example.org", "example.net") for one in people)
    assert len({one.email for one in people}) == 400
    assert sum(not one.last_name.isascii() for one in people) > 60
    fiction = ("+33 1 99 00 ", "+33 6 39 98 ", "+49 30 23125 ", "+49 221 4710 ", "+44 7700 900", "+44 1632 960")
    assert all(one.phone.startswith(fiction) for one in people if one.phone)


def test_ids_are_uuids_of_version_7_and_networks_those_of_documentation() -> None:
    id = uuid7(Random(1), NOW)
    assert (id[14], id[19] in "89ab", int(id.replace("-", "")[:12], 16)) == ("7", True, NOW)
    assert network(Random(1)).startswith("2001:db8:")


def test_customers_are_known_by_what_they_did(store: SqliteStore, past: Past) -> None:
    """Guests who opened an account later, several devices of one person, and a device of several persons."""
    accounts = {account.id: account for account in past.accounts}
    guests = {order.details.email for order in past.orders if not order.account}
    later = [account for account in accounts.values() if account.details.email in guests]
    assert later
    profile = store.profile(later[0].id)
    assert profile is not None
    assert profile.orders.count >= 1
    assert {known.value for known in profile.ids} >= {later[0].id, later[0].details.email}
    profiles = [store.profile(id) for id in accounts]
    assert any(one and len({span.visitor for span in one.visitors}) >= 2 for one in profiles)
    counted = "SELECT count(DISTINCT customer) AS n FROM v_identities WHERE NOT deleted GROUP BY visitor"
    assert query(store, f"SELECT max(n) FROM ({counted})")[0][0] > 5


def test_orders_count_once_and_both_currencies_are_there(store: SqliteStore, past: Past) -> None:
    [(orders, confirmed, currencies)] = query(
        store, "SELECT count(*), sum(confirmed), count(DISTINCT currency) FROM v_orders"
    )
    statuses = {status for (status,) in query(store, "SELECT DISTINCT status FROM v_orders")}
    assert (orders, confirmed, currencies) == (len(past.orders), len(past.orders), 2)
    assert statuses >= {"completed", "shipped", "delivered"}
    assert 0.01 < len(past.orders) / VISITORS < 0.2


def test_the_books_say_what_the_collector_heard(store: SqliteStore, past: Past) -> None:
    heard = {id: Decimal(total) for id, total in query(store, "SELECT order_id, total FROM v_orders")}
    assert heard == {order.id: order.basket.total for order in past.orders}


def test_a_search_finds_what_holds_every_word() -> None:
    assert [product.id for product in find("  OPAL lamp ")] == ["204"]
    assert find("") == find("rug") == []
    assert len(PRODUCTS) == 24


PURE = ("aftermath", "back_end", "basket", "catalogue", "errand", "facts", "landings", "mishaps", "people", "records",
        "rhythm", "shopper", "shoppers", "walk")  # fmt: skip


@pytest.mark.parametrize("name", PURE)
def test_the_past_is_made_without_a_clock_and_without_chance_of_its_own(name: str) -> None:
    tree = ast.parse((ROOM / f"{name}.py").read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            assert node.func.attr not in ("now", "utcnow", "today"), f"line {node.lineno} reads a clock"
        if isinstance(node, ast.ImportFrom):
            module = str(node.module)
            assert module.partition(".")[0] in ("collector", "msgspec", *sys.stdlib_module_names), module
            assert module not in ("time", "secrets", "uuid", "sqlite3", "threading", "socket"), module
            assert module != "random" or [alias.name for alias in node.names] == ["Random"]
            if module.startswith("collector.demo."):
                assert module.rpartition(".")[2] in PURE
