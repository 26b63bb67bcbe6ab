"""The room Visitors: who shows, what is said of each, filters, pages, and what a hostile visitor gets shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from conftest import READER, make_site
from console import Console, a_console, words

from collector.event import DAY_MS, MINUTE_MS, Campaign, Event, Setup, Trust
from collector.store.audit import Act, Actor, By, Deed
from collector.store.sqlite.store import SqliteStore

ROOM = "/console/visitors"


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    with closing(SqliteStore.open(str(tmp_path / "footfall.db"))) as store:
        store.put_site(make_site())
        store.put_site(make_site("outlet"))
        with a_console(tmp_path, store) as one:
            yield one


def do(console: Console, name: str, visitor: str, ago_ms: int = MINUTE_MS, **fields: Any) -> None:
    """Something that a visitor did; '' is a look at a page."""
    time = console.clock.ms - ago_ms
    told: dict[str, Any] = {"site": "shop", "trust": Trust.BROWSER, "type": "track" if name else "page", "time": time}
    told["properties"] = json.dumps(fields.pop("properties", {}))
    n = len(console.store.arrivals(0, 10_000))
    console.store.append([Event(id=f"m{n}", name=name, visitor=visitor, received=time, **(told | fields))])
    # It went past the collector's writer, which would notice only in a moment.
    console.store.follow()


def table(page: BeautifulSoup) -> list[str]:
    return [words(row) for row in page.select("tbody tr")]


def names(page: BeautifulSoup) -> list[str]:
    return [words(link) for link in page.select("tbody th a")]


def test_a_line_says_what_may_be_worth_a_call(console: Console) -> None:
    came = {"channel": "search", "referrer": "https://www.google.com/"}
    boots = {"product_id": "1", "name": "Red boots", "price": 89.5, "quantity": 2, "currency": "EUR"}
    do(console, "", "abcdef-123456", 5 * DAY_MS, **came)
    do(console, "Product Viewed", "abcdef-123456", 3 * MINUTE_MS, properties={"name": "Red boots"})
    setup = Setup(device="phone", browser="Firefox", os="Android")
    do(console, "Product Added", "abcdef-123456", 2 * MINUTE_MS, properties=boots, setup=setup)
    page = console.page(ROOM)
    (row,) = table(page)
    assert row.startswith(
        "Visitor 123456 Firefox on Android · shop Filled a cart 179.00 EUR , 2 items in the cart Viewed Red boots 2 1"
    )
    assert row.endswith("Search (google.com) 2 minutes ago")
    link = page.select_one("tbody th a")
    assert link is not None and link["href"] == "/console/customers/visitor%3Aabcdef-123456"
    assert console.client.get(str(link["href"])).status_code == 200


def test_customers_do_not_show(console: Console) -> None:
    do(console, "", "stranger")
    do(console, "", "friend", type="identify", user="42")
    assert names(console.page(ROOM)) == ["Visitor ranger"]


@pytest.fixture
def crowd(console: Console) -> Console:
    do(console, "", "page-a", 40 * DAY_MS)
    do(console, "Product Viewed", "view-b", 5 * DAY_MS, site="outlet")
    do(console, "Products Searched", "seek-c", 5 * MINUTE_MS)
    do(console, "Product Added", "cart-d", 2 * DAY_MS)
    do(console, "Checkout Started", "chec-e", 3 * 60 * MINUTE_MS, site="outlet")
    return console


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("", "c e d b a"),
        ("?sort=interest", "e d c b a"),
        ("?site=outlet", "e b"),
        ("?site=shop&sort=interest", "d c a"),
        ("?within=hour", "c"),
        ("?within=day", "c e"),
        ("?within=week", "c e d b"),
        ("?within=month", "c e d b"),
        ("?within=quarter", "c e d b a"),
        ("?reached=viewed", "c e d b"),
        ("?reached=carted", "e d"),
        ("?reached=ordered", ""),
        ("?reached=carted&within=day&site=outlet", "e"),
        ("?site=", "c e d b a"),
    ],
)
def test_filters_and_orders(crowd: Console, query: str, wanted: str) -> None:
    assert [name[-1] for name in names(crowd.page(ROOM + query))] == wanted.split()


def test_a_chosen_filter_stays_chosen_from_page_to_page(crowd: Console) -> None:
    shown, path = [], f"{ROOM}?sort=interest&within=week&site=&limit=2"
    page = crowd.page(path)
    while True:
        shown += [name[-1] for name in names(page)]
        chosen = [str(option["value"]) for option in page.select("main option[selected]")]
        assert chosen == ["week", "looked", "interest"]
        more = page.select_one("a[rel=next]")
        if more is None:
            break
        page = crowd.page(f"{more['href']}&limit=2")
    assert shown == ["e", "d", "c", "b"]
    back = page.select_one("a[rel=prev]")
    assert back is not None and "cursor" not in str(back["href"])


def test_the_filters_are_a_plain_form(crowd: Console) -> None:
    form = crowd.page(f"{ROOM}?site=outlet").select_one("main form")
    page = crowd.submit(form, reached="checkout")
    assert names(page) == ["Visitor chec-e"]


@pytest.mark.parametrize(
    "query", ["?sort=name", "?within=year", "?reached=moon", "?limit=0", "?cursor=x", "?cursor=5b312c322c335d00"]
)
def test_a_question_that_makes_no_sense_is_answered_with_a_page(console: Console, query: str) -> None:
    page = console.page(ROOM + query, status=400)
    assert page.select_one("h1") is not None


def test_what_visitors_sent_is_text_and_nothing_else(console: Console) -> None:
    hostile = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    came = {"campaign": Campaign(source=hostile, name=hostile), "setup": Setup(browser=hostile, os=hostile)}
    properties = {"name": hostile, "product_id": hostile, "price": "1", "currency": hostile}
    do(console, "Product Viewed", hostile, properties=properties, **came)
    do(console, "Product Added", hostile, properties=properties, **came)
    page = console.page(ROOM)
    assert len(table(page)) == 1
    assert not page.select("main script, main img")
    assert all(str(link["href"]).startswith("/console/") for link in page.select("main a"))


def test_nobody_here_and_nobody_who_fits_are_told_apart(console: Console) -> None:
    assert "Nobody here is unknown" in words(console.page(ROOM))
    do(console, "", "v")
    assert "Nobody fits" in words(console.page(f"{ROOM}?reached=ordered"))


def test_only_who_is_signed_in_may_look(console: Console) -> None:
    stranger = console.stranger()
    assert stranger.get(ROOM).status_code == 303
    assert stranger.get(ROOM, headers={"authorization": f"Bearer {READER}"}).status_code == 303
    assert console.client.get(f"{ROOM}?site=nowhere").status_code == 404


def test_the_table_can_be_read_aloud(crowd: Console) -> None:
    page = crowd.page(ROOM)
    assert page.select_one("table caption")
    assert all(head["scope"] == "col" for head in page.select("thead th"))
    assert all(head["scope"] == "row" for head in page.select("tbody th"))
    assert all(page.select_one(f"label[for={field['id']}]") for field in page.select("main select"))


def test_who_asked_to_be_forgotten_shows_until_staff_have_settled_it(console: Console) -> None:
    do(console, "", "abcdef-123456")
    key, at = "visitor:abcdef-123456", console.clock.ms
    for subject in (key, "visitor:gone"):
        asked = Deed(actor=Actor(By.VISITOR), act=Act.ERASED, subject=subject, time=at, last=at)
        console.store.note([asked])
    (row,) = console.page(ROOM).select("[aria-labelledby=requests] li")
    assert words(row).startswith("Visitor 123456") and str(row.select("a")[0]["href"]).endswith(
        "visitor%3Aabcdef-123456"
    )
    page = console.submit(row.select_one("form"))
    assert not page.select("[aria-labelledby=requests]")
    assert [deed.act for deed in console.store.audit(key, None, 9)] == [Act.SETTLED, Act.ERASED]
    console.submit(row.select_one("form"), 404)
