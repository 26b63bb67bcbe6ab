"""Whoever asks is given everything that is held about them, and nothing of anybody else's; then it can be erased."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from conftest import footfall, make_site
from console import Console, a_console, words
from shop import call, order

from collector.event import CONSENT_CHANGED, DAY_MS, Dropped, Reason, Trust, Withdrawal
from collector.store import Left, Quarantined
from collector.store.sqlite.store import SqliteStore

EVIL = "<script>alert(1)</script>"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Jane's, with a stranger who only claims her address and Tom on the same device."""
    file = tmp_path / "footfall.db"
    server: dict[str, Any] = {"trust": Trust.SERVER}
    with closing(SqliteStore.open(str(file))) as store:
        store.put_site(make_site())
        store.append(
            [
                call("m1", "page", url="https://shop.example/hers", title=EVIL, visitor="tablet"),
                call("m2", CONSENT_CHANGED, 1, visitor="tablet", consent="Analytics", properties={"text": "May we?"}),
                call("m3", "identify", 2, visitor="tablet", user="jane", email="jane@x", properties={"name": "Jane"},
                     trust=Trust.SIGNED),
                order("m4", "1001", 3, visitor="tablet", user="jane"),
                call("m5", "Signed Out", 4, visitor="tablet"),
                call("t1", "identify", 24 * 60, visitor="tablet", user="tom", email="tom@x"),
                call("s1", "identify", 5, visitor="elsewhere", user="mallory", email="jane@x"),
                call("n1", "Note Added", 6, **server, user="jane", staff=True, properties={"text": "Was friendly"}),
                Quarantined(site="shop", server=False, received=DAY_MS, reason=Reason.TOO_OLD, detail="",
                            raw=b'{"userId": "jane", "lost": 1}'),
                Quarantined(site="shop", server=False, received=DAY_MS, reason=Reason.TOO_OLD, detail="",
                            raw=b'{"userId": "tom"}'),
            ]
        )  # fmt: skip
        while store.follow():
            pass
    return file


@pytest.fixture
def console(path: Path, tmp_path: Path) -> Iterator[Console]:
    with a_console(tmp_path, SqliteStore.open(str(path))) as console:
        yield console


def test_a_person_is_given_what_is_theirs_and_nobody_else_s(path: Path, tmp_path: Path) -> None:
    done = footfall("customer", "jane", "--all", db=path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [event["id"] for event in told["events"]] == ["m1", "m2", "m3", "m4", "m5", "n1"]
    assert {row["id"] for row in told["ids"]} == {"jane", "email:jane@x", "visitor:tablet"}
    assert [(row["name"], row["value"]) for row in told["traits"] if row["name"] == "name"] == [("name", "Jane")]
    assert [row["order_id"] for row in told["orders"]] == ["1001"] and len(told["order_lines"]) == 2
    assert [row["text"] for row in told["consents"]] == ["May we?"]
    assert [row["call"] for row in told["refused"]] == ['{"userId": "jane", "lost": 1}']
    assert '"tom' not in done.stdout and "mallory" not in done.stdout

    page = tmp_path / "page.html"
    assert footfall("customer", "jane", "--all", "--page", str(page), db=path).returncode == 0
    read = BeautifulSoup(page.read_text(encoding="utf-8"), "lxml")
    assert read.find("script") is None and EVIL in words(read.body)
    assert "Was friendly" in words(read.body) and "mallory" not in words(read.body)
    assert footfall("customer", "jane", "--page", str(page), db=path).returncode == 2
    assert footfall("customer", "nobody", "--all", db=path).returncode == 1


def test_an_erasure_takes_out_what_is_given_and_what_others_say_of_the_person(path: Path) -> None:
    with closing(SqliteStore.open(str(path))) as store:
        given = next(table for table in store.everything("jane", DAY_MS).tables if table.name == "events")
        assert store.erase("jane", 2**45).events == len(given.rows) + len(["s1"])


def test_the_console_hands_over_and_erases_in_two_steps(console: Console) -> None:
    room = "/console/customers/jane"
    page = console.page(room)
    links = [str(link["href"]) for link in page.select("section[aria-labelledby=rights] a")]
    assert links == [f"{room}/everything?format=html", f"{room}/everything?format=json", f"{room}/erase"]
    for link, kind in zip(links, ("text/html", "application/json"), strict=False):
        answer = console.client.get(link)
        assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, kind)
        assert answer.headers["content-disposition"].startswith("attachment") and "Was friendly" in answer.text
        assert answer.headers["cache-control"] == "no-store"

    asked = console.page(links[2])
    assert "It cannot be undone" in words(asked.main)
    form = asked.select_one("main form")
    console.submit(form, 400)
    assert console.store.profile("jane") is not None, "without the tick nothing happens"
    done = console.submit(form, sure="yes")
    assert "Erased for good" in words(done.select_one("#said"))
    assert console.store.profile("jane") is None and console.store.profile("tom") is not None
    console.page(room, 404)
    assert console.page("/console/customers?erased=made-up").select_one("#said") is None


def test_a_visitor_whom_nobody_knows_can_be_erased_too(console: Console) -> None:
    console.store.append([call("v1", "page", visitor="passing")])
    asked = console.page("/console/customers/visitor%3Apassing/erase")
    done = console.submit(asked.select_one("main form"), sure="yes")
    assert "1 event" in words(done.select_one("#said"))
    console.page("/console/customers/visitor%3Apassing", 404)


def test_a_withdrawal_offers_the_erasure_of_what_was_collected(console: Console) -> None:
    room = "/console/customers/visitor%3Aleaving"
    said = Withdrawal(visitor="leaving", time=DAY_MS, refused="Analytics")
    console.store.append([call("w1", "page", visitor="leaving")])
    assert "withdrew" not in words(console.page(room).main)
    console.store.append([Left(site="shop", why=Dropped.CONSENT, received=DAY_MS, withdrawal=said)])
    offer = console.page(room).select_one(".notice.warn a")
    assert offer is not None and offer["href"] == f"{room}/erase"
    again = call("w2", CONSENT_CHANGED, visitor="leaving", consent="Analytics")
    console.store.append([again])
    assert "withdrew" not in words(console.page(room).main)
