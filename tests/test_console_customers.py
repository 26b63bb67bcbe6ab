"""The room Customers: the list, its orders and pages, what a search finds, and what is said where there is nobody."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from bs4 import BeautifulSoup
from conftest import make_site
from console import Clock, Console, a_console, words
from shop import HOSTILE
from storyteller import Shop

from collector.event import DAY_MS
from collector.store.sqlite.store import SqliteStore

ROOM = "/console/customers"


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(SqliteStore.open(str(tmp_path / "footfall.db")))


@pytest.fixture
def console(tmp_path: Path, shop: Shop) -> Iterator[Console]:
    clock = Clock()
    clock.ms = shop.now + DAY_MS
    assert isinstance(shop.store, SqliteStore)
    with a_console(tmp_path, shop.store, clock=clock) as one:
        yield one


def listed(page: BeautifulSoup) -> list[str]:
    return [words(link) for link in page.select("table.customers tbody th a")]


def crowd(shop: Shop) -> None:
    for name, orders in (("Ann", 0), ("Bea", 1), ("Cleo", 2)):
        v = shop.visitor(name)
        v.identify(name.lower(), email=f"{name.lower()}@x", name=name, phone="+49 170 1")
        for n in range(orders):
            v.order(f"{name}-{n}", user=name.lower(), total="10.50", currency="EUR" if n == 0 else "SEK")
    shop.settle()


def test_where_nobody_is_known_yet_the_page_says_what_to_do(console: Console) -> None:
    page = console.page(ROOM)
    assert "No customer is known yet" in words(page.main)
    assert page.select_one(".empty a[href='/console/install']")
    assert page.select_one(".empty a[href='/console/visitors']")


def test_each_line_says_who_what_kind_and_how_much_in_which_currency(console: Console, shop: Shop) -> None:
    crowd(shop)
    rows = {words(row.th.a): words(row) for row in console.page(ROOM).select("table.customers tbody tr") if row.th}
    assert "Prospect" in rows["Ann"] and "Buyer" in rows["Bea"] and "Repeat customer" in rows["Cleo"]
    assert "ann@x" in rows["Ann"] and "+49 170 1" in rows["Ann"]
    assert "10.50\N{NO-BREAK SPACE}EUR" in rows["Cleo"] or "10.50 EUR" in rows["Cleo"]
    assert "SEK" in rows["Cleo"] and "SEK" not in rows["Bea"]
    assert "2 unconfirmed" in rows["Cleo"]


@pytest.mark.parametrize(
    "sort, wanted",
    [
        ("last_seen", ["Cleo", "Bea", "Ann"]),
        ("first_seen", ["Cleo", "Bea", "Ann"]),
        ("name", ["Ann", "Bea", "Cleo"]),
        ("orders", ["Cleo", "Bea", "Ann"]),
        ("spent:EUR", ["Cleo", "Bea"]),
        ("spent:SEK", ["Cleo"]),
    ],
)
def test_the_list_comes_in_the_order_that_was_chosen(
    console: Console, shop: Shop, sort: str, wanted: list[str]
) -> None:
    crowd(shop)
    page = console.page(f"{ROOM}?sort={quote(sort)}")
    assert listed(page) == wanted
    chosen = page.select_one("#sort option[selected]")
    assert chosen is not None and chosen["value"] == sort


def test_no_order_adds_currencies_together(console: Console, shop: Shop) -> None:
    crowd(shop)
    options = [str(option["value"]) for option in console.page(ROOM).select("#sort option")]
    assert options == ["last_seen", "first_seen", "name", "orders", "spent:EUR", "spent:SEK"]


@pytest.mark.parametrize("sort", ["; --", "spent", "name:EUR", "money"])
def test_an_order_that_is_none_is_refused_in_a_page(console: Console, sort: str) -> None:
    assert "sort must be one of" in words(console.page(f"{ROOM}?sort={quote(sort)}", status=400).main).lower()


@pytest.mark.parametrize("q", ["be", "BEA", "bea@", "Bea-0", "bea-"])
def test_a_search_finds_one_and_keeps_what_was_typed(console: Console, shop: Shop, q: str) -> None:
    crowd(shop)
    page = console.page(f"{ROOM}?q={quote(q)}&sort=name")
    assert listed(page) == ["Bea"]
    field = page.select_one("input[name=q]")
    assert field is not None and field["value"] == q


def test_a_search_that_finds_nobody_says_what_else_to_try(console: Console, shop: Shop) -> None:
    crowd(shop)
    page = console.page(f"{ROOM}?q=%3Cscript%3Ealert(1)%3C/script%3E")
    assert "Nobody found" in words(page.main) and "<script>alert(1)</script>" in words(page.main)
    assert not page.main.select("script")


def test_pages_follow_each_other_and_keep_search_and_order(console: Console, shop: Shop) -> None:
    for n in range(7):
        shop.server.identify(f"u{n}", name=f"Kim {n}")
    shop.settle()
    seen: list[str] = []
    address = f"{ROOM}?q=kim&sort=name&limit=3"
    for _ in range(5):
        page = console.page(address)
        seen += listed(page)
        more = page.select_one("a[rel=next]")
        if more is None:
            break
        address = str(more["href"]) + "&limit=3"
        assert "q=kim" in address and "sort=name" in address
    assert seen == [f"Kim {n}" for n in range(7)]


@pytest.mark.parametrize("cursor", ["zz", "5b315d", "5b22785c75303030305c22222c315d", "5b" + "39" * 40 + "2c315d"])
def test_a_cursor_that_somebody_made_up_is_refused_in_a_page(console: Console, cursor: str) -> None:
    answer = console.client.get(f"{ROOM}?cursor={cursor}")
    assert answer.status_code in (200, 400)
    assert "<h1>" in answer.text


def test_hostile_names_are_only_text(console: Console, shop: Shop) -> None:
    evil = '"><img src=x onerror=alert(1)>' + HOSTILE
    shop.visitor().identify(evil, email='a"b@x.example', name=evil, phone="<b>1</b>")
    page = console.page(ROOM)
    assert not page.main.select("img, script, b, style")
    link = page.select_one("table.customers tbody th a")
    assert link is not None and "onerror" in words(link)
    assert str(link["href"]).startswith(f"{ROOM}/") and "<" not in str(link["href"])
    assert words(console.page(str(link["href"])).h1) == words(link)


def test_a_chosen_site_stays_chosen(tmp_path: Path) -> None:
    store = SqliteStore.open(str(tmp_path / "two.db"))
    store.put_site(make_site())
    store.put_site(make_site("outlet"))
    with a_console(tmp_path, store) as console:
        Shop(store).server.identify("u1")
        page = console.page(f"{ROOM}?site=outlet")
        link = page.select_one("table.customers tbody th a")
        assert link is not None and str(link["href"]).endswith("/u1?site=outlet")
        assert console.page(f"{ROOM}?site=nowhere", status=404)


def test_a_stranger_sees_no_customers(console: Console) -> None:
    assert console.stranger().get(ROOM).status_code == 303
