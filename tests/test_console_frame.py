"""What all pages of the console share: their headers, their bones, the choice of a site, and how values are shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from conftest import make_site
from console import Console, a_console, words
from shop import MORNING, call, order

from collector.store.sqlite.store import SqliteStore
from collector.web.assets import shelf
from collector.web.console import filters
from collector.web.console.page import NAVIGATION

TEMPLATES = sorted((Path(__file__).parents[1] / "collector/web/templates").glob("*.html"))
ROOMS = [address for address, _, _ in NAVIGATION]
POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
}
# What a strict policy would break, and what would let tracked data be markup.
LOOSE = re.compile(r"<style|\sstyle=|<script(?![^>]*\ssrc=)[^>]*>|\son[a-z]+=|javascript:|\|\s*safe\b|autoescape", re.I)


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    path = tmp_path_factory.mktemp("frame")
    store = SqliteStore.open(str(path / "footfall.db"))
    store.put_site(make_site(timezone="Europe/Paris"))
    store.put_site(make_site("<i>outlet</i> & co", timezone="Asia/Tokyo"))
    told = [
        call("m1", "page", visitor="v1", url="https://shop.example/"),
        order("m2", "1001", 2, visitor="v1", user="42"),
    ]
    with a_console(path, store, *told) as one:
        one.clock.ms = MORNING + 3_600_000
        one.sign_in(one.client)
        yield one


@pytest.mark.parametrize("path", [*ROOMS, "/console/customers/42", "/console/sites/add", "/console/no-such-page"])
def test_every_page_keeps_itself_to_itself_and_has_its_bones(console: Console, path: str) -> None:
    answer = console.client.get(path)
    assert answer.status_code == (404 if "no-such" in path else 200)
    assert set(answer.headers["content-security-policy"].split("; ")) == POLICY
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    page = BeautifulSoup(answer.text, "lxml")
    assert page.html is not None and page.html["lang"] == "en"
    assert len(page.select("h1")) == len(page.select("main#main")) == 1
    assert page.title is not None and words(page.title) == f"{words(page.h1)} · Footfall"
    assert page.select_one("a.skip-link")["href"] == "#main"  # type: ignore[index]
    ids = [str(tag["id"]) for tag in page.select("[id]")]
    assert len(ids) == len(set(ids)), "an id stands for one element"
    for field in page.select("input:not([type=hidden]), select, textarea"):
        named = field.find_parent("label") or page.find("label", {"for": field.get("id")}) or field.get("aria-label")
        assert named, f"{field} has no label"
    for form in page.select("form[method=post]"):
        assert form.select_one("input[name=csrf]") is not None, form
    assert not LOOSE.search(re.sub(r">[^<]*<", "><", answer.text))


@pytest.mark.parametrize("path", ROOMS)
def test_the_room_that_one_is_in_is_marked_in_the_navigation(console: Console, path: str) -> None:
    marked = {str(link["href"]) for link in console.page(path).select("nav [aria-current=page]") if link.find("svg")}
    assert marked == {path}


@pytest.mark.parametrize(
    ("path", "room"),
    [
        ("/console/customers/42", "/console/customers"),
        ("/console/customers/visitor:v1", "/console/visitors"),
        ("/console/customers/visitor%3Av1", "/console/visitors"),
        ("/console/customers/visitor:v1/erase", "/console/visitors"),
        ("/console/sites/add", "/console/sites"),
    ],
)
def test_a_page_within_a_room_marks_that_room_and_a_visitors_page_marks_visitors(
    console: Console, path: str, room: str
) -> None:
    marked = {str(link["href"]) for link in console.page(path).select("nav [aria-current=page]") if link.find("svg")}
    assert marked == {room}


def test_the_chosen_site_stays_chosen_from_room_to_room(console: Console) -> None:
    page = console.page("/console/quarantine?site=%3Ci%3Eoutlet%3C/i%3E+%26+co")
    assert words(page.select_one("#site [selected]")) == "<i>outlet</i> & co"
    for address in page.select(".side .nav a"):
        assert str(address["href"]).endswith("?site=%3Ci%3Eoutlet%3C%2Fi%3E+%26+co")
    assert page.select("i") == []
    everything = console.submit(page.select_one(".site-choice"), site="")
    assert everything.select_one("#site [selected]") is None


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_holds_what_the_policy_forbids_or_trusts_what_was_tracked(path: Path) -> None:
    found = LOOSE.search(path.read_text(encoding="utf-8"))
    assert not found, found and found.group()


def test_every_file_that_a_template_asks_for_is_there() -> None:
    asked = {name for path in TEMPLATES for name in re.findall(r"asset\(['\"]([^'\"]+)", path.read_text())}
    assert "console.css" in asked
    assert asked <= set(shelf().contents)


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("https://shop.example/a?b=c#d", "https://shop.example/a?b=c#d"),
        ("HTTP://shop.example", "HTTP://shop.example"),
        (" https://shop.example/ ", "https://shop.example/"),
        ("javascript:alert(1)", ""),
        ("JaVaScRiPt:alert(1)", ""),
        ("data:text/html,x", ""),
        ("//shop.example/", ""),
        ("/path", ""),
        ("https://shop.example@evil.example/", ""),
        ("https://", ""),
        ("https://[", ""),
        ("https://shop.example/\nx", ""),
        ('https://shop.example/"onmouseover=', ""),
        ("https:\\\\shop.example", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_only_a_plain_web_address_becomes_a_link(url: str | None, wanted: str) -> None:
    assert filters.safe_url(url) == wanted


@pytest.mark.parametrize(
    ("amount", "currency", "wanted"),
    [
        ("1234567.5", "EUR", "1,234,567.50 EUR"),
        ("-1234.5", "USD", "-1,234.50 USD"),
        ("-0.5", "EUR", "-0.50 EUR"),
        ("0", "EUR", "0.00 EUR"),
        ("1200", "JPY", "1,200 JPY"),
        ("1.2345", "KWD", "1.2345 KWD"),
        ("12345678901234.1234", "EUR", "12,345,678,901,234.1234 EUR"),
        (None, "EUR", "–"),
        ("<b>", "EUR", "–"),
    ],
)
def test_money_is_exact_with_its_currency(amount: Any, currency: str, wanted: str) -> None:
    assert filters.money(amount, currency).replace("\N{NO-BREAK SPACE}", " ") == wanted


@pytest.mark.parametrize(
    ("before_s", "wanted"),
    [
        (-5, "just now"),
        (59, "just now"),
        (60, "1 minute ago"),
        (7_199, "1 hour ago"),
        (3 * 86_400, "3 days ago"),
        (400 * 86_400, "1 year ago"),
    ],
)
def test_a_time_is_told_as_a_span_before_now(before_s: int, wanted: str) -> None:
    assert filters.span_before(MORNING, MORNING - before_s * 1_000) == wanted


def test_times_are_shown_in_the_zone_of_the_site_and_in_utc_for_several(console: Console) -> None:
    console.client.post(
        "/v1/batch",
        json={"batch": [{"type": "track", "anonymousId": "v1"}]},
        headers={"authorization": "Bearer sk_shop"},
    )
    shown = {}
    for site in ("", "?site=shop"):
        element = console.page(f"/console/quarantine{site}").select_one(".quarantine-list time")
        assert element is not None and re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", str(element["datetime"]))
        shown[site] = str(element["title"])
    assert shown[""].endswith(" UTC")
    assert shown["?site=shop"].endswith((" CET", " CEST"))
