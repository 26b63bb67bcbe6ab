"""Live in real browsers: events come by themselves, a name takes the stranger's place, a pause holds them back."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import Collector, Start, footfall, make_site

from browsers.engines import Engine, Tab
from browsers.expecting import wait_for

ROWS = "[...document.querySelectorAll('tbody tr')].map(row => row.innerText.replace(/\\s+/g, ' ').trim())"


@pytest.fixture
def collector(start: Start) -> Collector:
    """On a port of its own, on which it may be started again."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return start(make_site(), flags=("--port", str(port)))


@pytest.fixture
def tab(engine: Engine, collector: Collector) -> Iterator[Tab]:
    """Somebody who watches."""
    person = engine.profile()
    made = footfall("signin-link", "--json", "--url", collector.url, db=collector.db)
    one = person.open(str(json.loads(made.stdout)["link"]))
    one.click("main form button")
    wait_for(lambda: one.evaluate("location.pathname") == "/console/", lambda: "the link did not sign in")
    one.goto(f"{collector.url}/console/live")
    comes(one, "[data-live-state]", "Live")
    yield one
    person.close()


def comes(tab: Tab, where: str, text: str) -> None:
    said = f"document.querySelector({json.dumps(where)})?.innerText ?? ''"
    wait_for(lambda: text in tab.evaluate(said), lambda: f"{where} says {tab.evaluate(said)!r}, not {text!r}")


def tell(collector: Collector, *messages: dict[str, Any]) -> None:
    batch = [{"type": "page", "anonymousId": "visitor-123456", **message} for message in messages]
    assert collector.post("/v1/batch", {"writeKey": "wk_shop", "batch": batch}).status_code == 200


def test_what_happens_shows_by_itself_and_a_log_in_names_who_it_was(collector: Collector, tab: Tab) -> None:
    comes(tab, "[data-live-empty]", "Nothing has come yet")
    tell(collector, {"properties": {"title": "Boots <b>bold</b>", "url": "https://shop.example/boots"}})
    comes(tab, "#e1", "Opened the page Boots <b>bold</b>")
    comes(tab, "#e1 .live-who", "Visitor 123456")
    comes(tab, "[data-live-present]", "1")
    tell(collector, {"type": "identify", "userId": "42", "traits": {"name": "Jane <i>Doe</i>"}})
    comes(tab, "#e1 .live-who", "Jane <i>Doe</i>")
    assert tab.evaluate("document.querySelector('#e1 .live-who a').getAttribute('href')") == "/console/customers/42"
    assert tab.evaluate("document.querySelectorAll('tbody i, tbody b').length") == 0


def test_a_pause_holds_back_what_comes_and_a_flood_is_told_by_its_number(collector: Collector, tab: Tab) -> None:
    tell(collector, {})
    comes(tab, "#e1", "Opened a page")
    tab.click("[data-live-pause]")
    tell(collector, {}, {}, {})
    comes(tab, "[data-live-pause]", "Resume (3 new)")
    assert len(tab.evaluate(ROWS)) == 1
    tab.click("[data-live-pause]")
    assert len(tab.evaluate(ROWS)) == 4
    tell(collector, *({} for _ in range(60)))
    comes(tab, ".live-gap", "more events came in between")
    rows = tab.evaluate(ROWS)
    counted = [int(row.split()[0]) for row in rows if "came in between" in row]
    assert len(rows) - len(counted) + sum(counted) == 64


def test_after_a_restart_it_goes_on_where_it_was(collector: Collector, tab: Tab) -> None:
    tell(collector, {})
    comes(tab, "#e1", "Opened a page")
    assert collector.stop() == 0
    comes(tab, "[data-live-state]", "Reconnecting")
    collector.start()
    tell(collector, {"type": "track", "event": "Order Completed", "properties": {"order_id": "1001", "total": 89}})
    comes(tab, "#e2", "Ordered #1001, 89.00")
    comes(tab, "[data-live-state]", "Live")
    assert len(tab.evaluate(ROWS)) == 2
