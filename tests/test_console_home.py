"""The room Home, read as a person reads it: figures with the span before, lists, and a chart that is a table first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from conftest import make_site
from console import Clock, a_console, words

from collector.event import DAY_MS, Campaign, Event, Trust
from collector.store.sqlite.store import SqliteStore
from collector.web.console.home import change

HOUR = 3_600_000
TODAY = 1_790_000_000_000 - 1_790_000_000_000 % DAY_MS  # Monday 21 September 2026, midnight in UTC
HOSTILE = '"><script>alert(1)</script>\u202e'


class Told:
    """Events of a site, each with an id of its own."""

    def __init__(self, site: str = "shop") -> None:
        self.site = site
        self.events: list[Event] = []

    def page(self, visitor: str, time: int, **fields: Any) -> None:
        self._tell("page", "", visitor, time, **{"url": "https://shop.example/", "channel": "direct", **fields})

    def track(self, event: str, visitor: str | None, time: int, trust: Trust = Trust.BROWSER, **told: Any) -> None:
        self._tell("track", event, visitor, time, trust=trust, user=told.pop("user", None), properties=json.dumps(told))

    def order(self, number: str, time: int, total: str, currency: str = "EUR", **told: Any) -> None:
        self.track("Order Completed", None, time, Trust.SERVER, order_id=number, total=total, currency=currency, **told)

    def _tell(self, kind: str, name: str, visitor: str | None, time: int, **fields: Any) -> None:
        id = f"{self.site}-{len(self.events)}"
        given = {"trust": Trust.BROWSER, "received": max(time, TODAY + 12 * HOUR), **fields}
        self.events.append(Event(site=self.site, id=id, type=kind, name=name, time=time, visitor=visitor, **given))


def home(tmp_path: Path, told: Told, path: str = "/console/", now: int = TODAY + 12 * HOUR) -> BeautifulSoup:
    with console_at(tmp_path, told, now) as console:
        return console.page(path)


def console_at(tmp_path: Path, told: Told, now: int = TODAY + 12 * HOUR) -> Any:
    clock = Clock()
    clock.ms = now
    return a_console(tmp_path, None, *told.events, clock=clock)


def figure(page: BeautifulSoup, label: str) -> str:
    found = [each for each in page.select(".figure") if words(each.select_one("dt")) == label]
    assert len(found) == 1, [words(each) for each in page.select(".figure")]
    return " ".join(words(each) for each in found[0].select("dd"))


def rows(page: BeautifulSoup, id: str) -> list[str]:
    return [words(row) for row in page.select(f"section[aria-labelledby={id}] tbody tr")]


def test_visitors_count_once_however_often_they_came_and_are_set_against_the_days_before(tmp_path: Path) -> None:
    told = Told()
    for day in (-1, -2, -7):
        told.page("ann", TODAY + day * DAY_MS)
    told.page("bea", TODAY - DAY_MS)
    told.page("ann", TODAY - 8 * DAY_MS)
    told.page("too early", TODAY - 15 * DAY_MS)
    page = home(tmp_path, told, "/console/?span=7")
    assert figure(page, "Visitors") == "2 ▲ up 100% before: 1"
    assert figure(page, "Visits") == "4 ▲ up 300% before: 1"
    told_days = [each.text.replace("\xa0", " ") for each in page.select(".lede time")]
    assert told_days == ["14 Sep 2026", "20 Sep 2026", "7 Sep 2026", "13 Sep 2026"]


def test_orders_and_sales_are_exact_in_each_currency_and_say_what_nobody_confirmed(tmp_path: Path) -> None:
    told = Told()
    told.order("1", TODAY - DAY_MS, "0.10", user="ann")
    told.order("2", TODAY - DAY_MS, "0.20", user="ann")
    told.track("Order Completed", "v", TODAY - DAY_MS, order_id="3", total="99.99", currency="EUR")
    told.order("4", TODAY - DAY_MS, "1200", "JPY", user="bea")
    told.track(
        "Order Refunded", None, TODAY - HOUR, Trust.SERVER, order_id="1", refund_id="r", amount="0.05", currency="EUR"
    )
    told.order("5", TODAY - 3 * DAY_MS, "50", user="bea")
    page = home(tmp_path, told, "/console/?span=yesterday")
    assert figure(page, "Orders") == "4 ▲ up from 0 before: 0 1 of them unconfirmed"
    assert figure(page, "New buyers") == "1 ▲ up from 0 before: 0"
    assert figure(page, "Repeat buyers") == "1 ▲ up from 0 before: 0"
    eur = figure(page, "Sales, EUR").replace("\xa0", " ")
    assert eur.startswith("100.24 EUR ▲ up from 0 before: 0.00 EUR 100.29 EUR gross, 0.05 EUR refunded; 99.99 EUR of")
    assert figure(page, "Sales, JPY").replace("\xa0", " ").startswith("1,200 JPY")


def test_today_is_set_against_the_same_hours_of_yesterday(tmp_path: Path) -> None:
    told = Told()
    told.page("ann", TODAY + 10 * HOUR)
    told.page("bea", TODAY + 12 * HOUR + 60_000)
    told.page("ann", TODAY - DAY_MS + 11 * HOUR)
    told.page("bea", TODAY - DAY_MS + 11 * HOUR)
    told.page("cid", TODAY - DAY_MS + 13 * HOUR)
    page = home(tmp_path, told, "/console/?span=today", now=TODAY + 12 * HOUR + 1_800_000)
    assert figure(page, "Visitors") == "2 ▼ down 50% before: 2"
    assert "(both until 12:00)" in words(page.select_one(".lede"))
    assert rows(page, "chart")[-1] == "12:00 1 1 0 0"


def test_days_are_those_of_the_site_that_is_chosen(tmp_path: Path) -> None:
    store = SqliteStore.open(str(tmp_path / "footfall.db"))
    store.put_site(make_site())
    store.put_site(make_site("tokyo", timezone="Asia/Tokyo"))
    told = Told("tokyo")
    told.page("ann", TODAY - 10 * HOUR)  # still the 20th in UTC, but 23:00 in Tokyo
    told.page("bea", TODAY - 8 * HOUR)  # the 21st in Tokyo
    clock = Clock()
    clock.ms = TODAY + HOUR
    with a_console(tmp_path, store, *told.events, clock=clock) as console:
        page = console.page("/console/?span=yesterday&site=tokyo")
        assert figure(page, "Visits").startswith("1 ")
        assert "Asia/Tokyo" in words(page.select_one(".lede"))
        assert "Each site's days are those of its own time zone" in words(console.page("/console/").select_one(".lede"))


def test_sources_show_channels_and_beneath_them_campaigns_and_referring_pages(tmp_path: Path) -> None:
    told = Told()
    mail = {"channel": "email", "campaign": Campaign(source="letter", medium="email", name="spring")}
    told.page("ann", TODAY - DAY_MS, **mail)
    told.page("bea", TODAY - DAY_MS, **mail)
    told.page("cid", TODAY - DAY_MS, channel="referral", referrer="https://blog.example/a?b")
    page = home(tmp_path, told, "/console/?span=yesterday")
    shown = [row.replace(" ▲ up from 0", "") for row in rows(page, "sources")]
    assert shown == ["E-mail 67% 2", "spring letter / email 2", "Other sites 33% 1", "blog.example 1"]


def test_of_a_day_that_is_not_over_the_lists_have_no_empty_column_of_changes(tmp_path: Path) -> None:
    told = Told()
    told.page("ann", TODAY + HOUR)
    told.page("ann", TODAY - DAY_MS)
    heads = [
        [
            words(head)
            for head in home(tmp_path / span, told, f"/console/?span={span}").select(".home-list th[scope=col]")
        ]
        for span in ("today", "yesterday")
        if (tmp_path / span).mkdir() is None
    ]
    assert heads == [
        ["Where visits came from", "Visits", "Page", "Views"],
        ["Where visits came from", "Visits", "Change", "Page", "Views", "Change"],
    ]


def test_pages_count_without_their_query_and_hostile_ones_do_no_harm(tmp_path: Path) -> None:
    told = Told()
    told.page("ann", TODAY - DAY_MS, url="https://shop.example/lamp?utm_source=x")
    told.page("ann", TODAY - DAY_MS, url="https://shop.example/lamp#size")
    told.page("ann", TODAY - DAY_MS, url="javascript:alert(1)")
    told.page("ann", TODAY - DAY_MS, url=f"https://shop.example/{HOSTILE}")
    page = home(tmp_path, told, "/console/?span=yesterday")
    assert rows(page, "pages")[0] == "shop.example/lamp 2 ▲ up from 0"
    assert [a["href"] for a in page.select("section[aria-labelledby=pages] a")] == ["https://shop.example/lamp"]
    assert not [script for script in page.select("script") if script.text]


def test_products_are_listed_by_what_is_asked_for(tmp_path: Path) -> None:
    told = Told()
    lamp, chair = {"product_id": "L1", "name": "Lamp"}, {"product_id": "C1", "name": HOSTILE}
    for _ in range(3):
        told.track("Product Viewed", "ann", TODAY - DAY_MS, **lamp)
    told.track("Product Viewed", "ann", TODAY - DAY_MS, **chair)
    told.track("Product Added", "ann", TODAY - DAY_MS, **chair)
    told.order("1", TODAY - DAY_MS, "5", products=[{**chair, "quantity": 3}])
    with console_at(tmp_path, told) as console:
        seen = rows(console.page("/console/?span=yesterday"), "products")
        assert seen[0] == "Lamp L1 3 ▲ up from 0 0 no change 0 no change"
        page = console.page("/console/?span=yesterday&by=bought")
        assert rows(page, "products") == [f"{HOSTILE} C1 1 ▲ up from 0 1 ▲ up from 0 1 ▲ up from 0"]
        assert words(page.select_one("th[aria-sort=descending]")) == "Bought ↓"


def test_what_staff_do_does_not_count(tmp_path: Path) -> None:
    told = Told()
    told.page("ann", TODAY - DAY_MS, staff=True, trust=Trust.SERVER)
    page = home(tmp_path, told, "/console/?span=yesterday")
    assert figure(page, "Visitors").startswith("0 ")
    assert rows(page, "pages") == []


def test_without_scripts_the_chart_is_a_table_and_no_markup_holds_style_or_script(tmp_path: Path) -> None:
    told = Told()
    told.page("ann", TODAY - DAY_MS)
    with console_at(tmp_path, told) as console:
        answer = console.client.get("/console/?span=30")
        assert "style=" not in answer.text and "<style" not in answer.text
        page = console.page("/console/?span=30")
        numbers = page.select_one("details.home-numbers")
        assert numbers is not None and numbers.has_attr("open")
        assert page.select_one(".home-charts[hidden]") is not None
        assert len(rows(page, "chart")) == 30 and rows(page, "chart")[-1].endswith("2026 1 1 0 0")
        for script in page.select("script"):
            served = console.client.get(str(script["src"]))
            assert served.status_code == 200 and not script.text


def test_an_empty_shop_is_told_what_to_do(tmp_path: Path) -> None:
    page = home(tmp_path, Told())
    assert "Nothing has happened in these days" in words(page.select_one(".empty"))
    assert page.select_one(".empty a[href='/console/install']") is not None


def test_what_nobody_offers_is_refused_in_words(tmp_path: Path) -> None:
    with console_at(tmp_path, Told()) as console:
        assert "Span must be one of" in words(console.page("/console/?span=8", status=400).select_one("main"))
        assert console.client.get("/console/?site=nowhere").status_code == 404


def test_the_address_of_the_collector_leads_home(tmp_path: Path) -> None:
    with console_at(tmp_path, Told()) as console:
        assert str(console.client.get("/").url).endswith("/console/")


def test_a_stranger_sees_nothing(tmp_path: Path) -> None:
    with console_at(tmp_path, Told()) as console:
        assert console.stranger().get("/console/").status_code in (302, 303, 307)


@pytest.mark.parametrize(
    ("now", "before", "told"),
    [
        (0, 0, "no change"),
        (5, 0, "up from 0"),
        (0, 5, "down 100%"),
        (110, 100, "up 10%"),
        (1001, 1000, "up 0.1%"),
        (100_001, 100_000, "up 0.1%"),
        (2, 3, "down 33%"),
        (200, 1, "up more than tenfold"),
    ],
)
def test_a_change_is_told_in_words(now: int, before: int, told: str) -> None:
    assert change(now, before).words == told
