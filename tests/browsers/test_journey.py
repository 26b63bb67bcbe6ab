"""The journey that Footfall is for, in real browsers against the demo shop: one customer each, whole history, exported.

One person browses without a name, comes back three days later, logs in and buys by the account; another buys as a
guest. "Three days later" is the collector's: on its first day it runs with its clock set back.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from browsers.demo import Demo, days_ago
from browsers.engines import Engine, Profile, Tab
from browsers.expecting import wait_for

DAY_S = 86_400
CLICK_S_MAX = 5  # what a click takes to leave the page
AWAY_DAYS = 3
ACCOUNT = {"first_name": "Ada", "last_name": "Heron", "email": "ada@home.example", "password": "a long secret"}
ADDRESS = {"first_name": "Ada", "last_name": "Heron", "address": "Quai 1", "postcode": "69001", "city": "Lyon"}
GUEST = "guest@home.example"
GOOD_CARD = "4242 4242 4242 4242"


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    one = Demo(tmp_path)
    one.start(**days_ago(AWAY_DAYS))
    yield one
    one.stop()


@pytest.fixture
def person(engine: Engine) -> Iterator[Callable[[], Profile]]:
    """People with a browser each."""
    there: list[Profile] = []

    def come() -> Profile:
        there.append(engine.profile())
        return there[-1]

    yield come
    for one in there:
        one.close()


def test_each_person_becomes_one_customer_with_the_whole_story(demo: Demo, person: Callable[[], Profile]) -> None:
    ada, guest = person(), person()
    tab = ada.open(f"{demo.shop}/?utm_source=news&utm_medium=email&utm_campaign=spring")
    allow(tab)
    look_at_a_product(tab)
    visitor = seen(demo, ada, events=3)
    account = sign_up_elsewhere(demo)
    tab.close()
    demo.stop()

    demo.start()
    tab = ada.open(f"{demo.shop}/")
    look_at_a_product(tab)
    press(tab, "nav a[href$='/login']")
    fill(tab, email=ACCOUNT["email"], password=ACCOUNT["password"])
    press(tab, "[data-testid=login]")
    buy(tab)
    tab = guest.open(f"{demo.shop}/")
    allow(tab)
    look_at_a_product(tab)
    buy(tab, email=GUEST)

    known = became(demo, account)
    assert [one["visitor"] for one in known["visitors"]] == [visitor]
    assert known["kind"] == "buyer"
    stranger = became(demo, f"email:{GUEST}")
    assert len(stranger["visitors"]) == 1
    assert [one["count"] for one in (known["orders"], stranger["orders"])] == [1, 1]
    assert [one["unconfirmed"] for one in (known["orders"], stranger["orders"])] == [0, 0]

    history = demo.answer(f"/api/customers/{account}/activity?limit=100")["events"]
    assert history[-1]["campaign"]["name"] == "spring"
    first, last = (instant(history[at]["time"]) for at in (-1, 0))
    assert abs(last - first - AWAY_DAYS * DAY_S) < DAY_S / 2
    assert len({event["visit"] for event in history if event["visit"]}) == 2

    assert {row["customer"] for row in exported(demo, "customers")} == {account, f"email:{GUEST}"}
    assert {row["customer"] for row in exported(demo, "orders")} == {account, f"email:{GUEST}"}
    events = exported(demo, "events", resolve="1")
    owners = {(row["visitor"], row["customer"]) for row in events if row["visitor"]}
    assert owners == {(visitor, account), (stranger["visitors"][0]["visitor"], f"email:{GUEST}")}


# --- what a person does


def allow(tab: Tab) -> None:
    wait_for(lambda: tab.evaluate("!!document.querySelector('footfall-consent')"), lambda: "the prompt did not show")
    tab.click("footfall-consent >>> button:last-of-type")


def look_at_a_product(tab: Tab) -> None:
    press(tab, "main [data-testid^=product-]")


def buy(tab: Tab, **who: str) -> None:
    """A product, to the thank-you page."""
    if not tab.evaluate("!!document.querySelector('[data-testid=add]')"):
        look_at_a_product(tab)
    press(tab, "[data-testid=add]")
    press(tab, "[data-testid=checkout]")
    fill(tab, **ADDRESS, **who)
    tab.evaluate("void (document.getElementById('country').value = 'France')")
    press(tab, "[data-testid=to-payment]")
    fill(tab, card=GOOD_CARD)
    press(tab, "[data-testid=pay]")
    assert "/thanks/" in tab.evaluate("location.pathname")


def fill(tab: Tab, **fields: str) -> None:
    for name, text in fields.items():
        wait_for(lambda name=name, text=text: typed(tab, name, text), lambda name=name: f"{name} takes no text")


def typed(tab: Tab, name: str, text: str) -> bool:
    """Whether what was typed is there: on a busy machine a click may miss."""
    field = f"document.getElementById('{name}')"
    tab.evaluate(f"void ({field}.value = '')")
    tab.click(f"#{name}")
    tab.press(*text)
    return bool(tab.evaluate(f"{field}.value") == text)


def press(tab: Tab, selector: str) -> None:
    """A link or a button, and the page behind it. On a busy machine a click may miss: then once more."""
    tab.evaluate("void (window.left = true)")
    tab.click(selector)
    with suppress(AssertionError):
        wait_for(lambda: tab.evaluate("!window.left"), lambda: "", CLICK_S_MAX)
    if tab.evaluate("!!window.left"):
        tab.click(selector)
    there = "!window.left && document.readyState === 'complete'"
    wait_for(lambda: tab.evaluate(there), lambda: f"{selector} led nowhere")


def sign_up_elsewhere(demo: Demo) -> str:
    """An account that Ada makes where no script runs. The shop's back end tells of it."""
    with httpx.Client(follow_redirects=True) as client:
        answer = client.post(f"{demo.shop}/signup", data=ACCOUNT)
        assert answer.status_code == 200, answer.text
        found = client.get(f"{demo.shop}/account").text
    account = found.partition("Customer ")[2].partition(" ")[0]
    wait_for(lambda: demo.ask(f"/api/customers/{account}").status_code == 200, lambda: "the back end told nothing")
    return account


# --- what is known of it


def seen(demo: Demo, profile: Profile, events: int) -> str:
    """The visitor in this browser, as soon as the collector has so many of its events."""
    cookie = "footfall"

    def arrived() -> str | None:
        kept = next((one["value"] for one in profile.cookies() if one["name"] == cookie), "")
        answer = demo.ask(f"/api/customers/visitor:{kept}") if kept else None
        return kept if answer and answer.status_code == 200 and answer.json()["events"] >= events else None

    visitor: str = wait_for(arrived, lambda: "the collector has not seen this browser")
    return visitor


def became(demo: Demo, key: str) -> dict[str, Any]:
    """The customer, as soon as browser and back end have both told of the order."""

    def joined() -> dict[str, Any] | None:
        answer = demo.ask(f"/api/customers/{key}")
        profile = answer.json()
        whole = answer.status_code == 200 and profile["visitors"] and profile["orders"]["count"]
        return profile if whole else None

    profile: dict[str, Any] = wait_for(joined, lambda: demo.ask(f"/api/customers/{key}").text)
    return profile


def exported(demo: Demo, dataset: str, **asked: str) -> list[dict[str, str]]:
    """Rows of a CSV export as they stand now."""
    parameters = "&".join(f"{name}={value}" for name, value in asked.items())
    answer = demo.ask(f"/api/export/{dataset}?format=csv&{parameters}")
    assert answer.status_code == 200, answer.text
    rows = csv.DictReader(io.StringIO(answer.text))
    return [row for row in rows if row.get("deleted") != "true"]


def instant(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
