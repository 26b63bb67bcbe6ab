"""The console in real browsers: in by a one-time link, the live check of Install, out again."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest
from conftest import Collector, Start, footfall, make_site

from browsers.engines import Engine, Profile
from browsers.expecting import wait_for


@pytest.fixture
def person(engine: Engine) -> Iterator[Profile]:
    one = engine.profile()
    yield one
    one.close()


def link_into(collector: Collector) -> str:
    made = footfall("signin-link", "--json", "--url", collector.url, db=collector.db)
    return str(json.loads(made.stdout)["link"])


def test_the_page_says_that_the_first_event_came_without_being_loaded_again(start: Start, person: Profile) -> None:
    collector = start(make_site())
    tab = person.open(link_into(collector))
    tab.click("main form button")
    wait_for(lambda: tab.evaluate("location.pathname") == "/console/", lambda: "the link did not sign in")
    [cookie] = [cookie for cookie in person.cookies() if cookie["name"] == "footfall_console"]
    assert (cookie["httpOnly"], str(cookie["sameSite"]).lower(), cookie["path"]) == (True, "lax", "/")

    tab.goto(f"{collector.url}/console/install")
    tab.evaluate("void (window.sameDocument = true)")
    said = "document.querySelector('.install-reception').innerText"
    assert "Waiting for the first event" in tab.evaluate(said)
    sent = httpx.post(
        f"{collector.url}/v1/track", json={"event": "Order Completed", "userId": "42"}, auth=("sk_shop", "")
    )
    assert sent.status_code == 200
    wait_for(lambda: "First event received" in tab.evaluate(said), lambda: f"the page says {tab.evaluate(said)}")
    assert tab.evaluate("window.sameDocument") is True
    tab.click("button[data-copy]")
    wait_for(
        lambda: tab.evaluate("document.querySelector('button[data-copy]').innerText").strip() != "Copy",
        lambda: "the button did nothing",
    )


def test_signing_out_ends_the_session_in_the_browser(start: Start, person: Profile) -> None:
    collector = start(make_site())
    tab = person.open(link_into(collector))
    tab.click("main form button")
    wait_for(lambda: tab.evaluate("location.pathname") == "/console/", lambda: "the link did not sign in")
    tab.goto(f"{collector.url}/console/sites")
    narrow = tab.evaluate("matchMedia('(max-width: 800px)').matches")
    if narrow:
        tab.click(".menu summary")
    tab.click(f"{'.menu' if narrow else '.side'} .signout button")
    wait_for(lambda: tab.evaluate("location.pathname") == "/console/signin", lambda: "nobody was signed out")
    assert [cookie for cookie in person.cookies() if cookie["name"] == "footfall_console"] == []
    tab.goto(f"{collector.url}/console/sites")
    assert tab.evaluate("location.pathname") == "/console/signin"
