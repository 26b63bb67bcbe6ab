"""Quarantine: refused calls with the reason in plain words, by site and reason, and another try for them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import make_site
from console import Console, a_console, words

from collector.event import Reason
from collector.store import Quarantined
from collector.store.sqlite.store import SqliteStore
from collector.web.console.quarantine import PAGE, REASONS

ROOM = "/console/quarantine"
NOW = 1_777_622_400_007


def refused(reason: Reason, message: Any, **fields: Any) -> Quarantined:
    raw = message if isinstance(message, bytes) else json.dumps(message).encode()
    fields = {"site": "shop", "server": False, "received": NOW, "detail": f"the detail of {reason}"} | fields
    return Quarantined(reason=reason, raw=raw, **fields)


def good(id: str) -> dict[str, Any]:
    """A call that today's rules let pass."""
    return {"type": "track", "event": "Product Viewed", "anonymousId": "v1", "messageId": id}


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    store = SqliteStore.open(str(tmp_path / "footfall.db"))
    store.put_site(make_site())
    store.put_site(make_site("outlet"))
    with a_console(tmp_path, store) as one:
        yield one


def kept(console: Console) -> list[int]:
    return [call.id for call in console.store.quarantined(0, 100_000)]


def cards(console: Console, path: str = ROOM) -> list[str]:
    return [words(card.select_one("label")) for card in console.page(path).select(".quarantine-list > li")]


def test_every_reason_has_its_plain_words() -> None:
    assert set(REASONS) == set(Reason)
    assert len({*REASONS.values()}) == len(Reason)


def test_an_empty_quarantine_says_so(console: Console) -> None:
    assert words(console.page(ROOM).select_one(".empty h2")) == "Nothing is in quarantine"


def test_a_call_is_shown_with_its_reason_site_and_time_pretty_printed_and_as_text(console: Console) -> None:
    hostile = {"type": "track", "event": "<script>alert(1)</script>", "properties": {"name": "a\u202egnp.exe"}}
    console.store.append(
        [
            refused(Reason.MALFORMED, b'{"type": \xff<img src=x>', server=True, site="outlet"),
            refused(Reason.MISSING_ID, hostile),
        ]
    )
    page = console.page(ROOM)
    first, second = page.select(".quarantine-list > li")
    assert words(first.label) == "It names neither a visitor nor a person"
    assert [words(badge) for badge in first.select(".badge")] == ["<script>alert(1)</script>", "browser", "shop"]
    assert first.select_one("time")["datetime"] == "2026-05-01T08:00:00.007Z"  # type: ignore[index]
    text = first.select_one("pre").text  # type: ignore[union-attr]
    assert '\n  "event": "<script>alert(1)</script>",\n' in text
    assert "a\\u202egnp.exe" in text and "\u202e" not in text
    assert words(second.select_one("pre")) == '{"type": \ufffd<img src=x>'
    assert [words(badge) for badge in second.select(".badge")] == ["back end", "outlet"]
    assert page.select("img, main script") == []


def test_half_a_character_is_spelled_out_and_hides_no_page(console: Console) -> None:
    cut = b'{"type": "track", "event": "Hat \\ud83d", "properties": {"name": "Nice hat \\ud83d"}}'
    console.store.append([refused(Reason.MALFORMED, cut)])
    [card] = console.page(ROOM).select(".quarantine-list > li")
    assert words(card.select_one(".badge")) == "Hat \\ud83d"
    assert "Nice hat \\ud83d" in words(card.select_one("pre"))


def test_the_newest_come_first_page_after_page_and_none_twice(console: Console) -> None:
    console.store.append([refused(Reason.TOO_OLD, good(f"m{n}")) for n in range(2 * PAGE + 1)])
    seen: list[int] = []
    path = ROOM
    while path:
        page = console.page(path)
        seen += [int(str(box["value"])) for box in page.select("input[name=id]")]
        older = page.select_one("a[rel=next]")
        path = str(older["href"]) if older else ""
    assert seen == kept(console)[::-1]


def test_site_and_reason_choose(console: Console) -> None:
    console.store.append(
        [
            refused(Reason.TOO_OLD, good("m1")),
            refused(Reason.TOO_DEEP, good("m2")),
            refused(Reason.TOO_OLD, good("m3"), site="outlet"),
        ]
    )
    assert len(cards(console)) == 3
    assert cards(console, f"{ROOM}?site=outlet") == [REASONS[Reason.TOO_OLD]]
    assert cards(console, f"{ROOM}?site=shop&reason=too_deep") == [REASONS[Reason.TOO_DEEP]]
    options = [words(option) for option in console.page(f"{ROOM}?site=shop").select("#reason option")]
    assert options == ["All reasons", "It is nested too deeply (1)", "It came more than 7 days late (1)"]
    console.page(f"{ROOM}?reason=none", 400)


def test_what_is_ticked_is_tried_again_and_what_passes_is_stored(console: Console) -> None:
    console.store.append(
        [
            refused(Reason.TOO_DEEP, good("m1")),
            refused(Reason.TOO_DEEP, good("m2")),
            refused(Reason.MISSING_EVENT, {"type": "track", "anonymousId": "v1"}),
        ]
    )
    first, second, third = kept(console)
    form = console.page(ROOM).select_one("form[action$='/replay']")
    page = console.submit(form, which="ticked", id=[str(first), str(third), "7000", "x"])
    assert words(page.select_one(".notice")) == "1 stored. 1 still refused for the reason below."
    assert kept(console) == [second, third]
    events = console.client.get("/api/customers/visitor:v1/activity").json()["events"]
    assert [(event["id"], event["received"]) for event in events] == [("m1", "2026-05-01T08:00:00.007Z")]


def test_all_that_the_filters_choose_is_tried_again(console: Console) -> None:
    shop = [refused(Reason.TOO_DEEP, good(f"m{n}")) for n in range(PAGE + 5)]
    others = [refused(Reason.TOO_DEEP, good("o1"), site="outlet"), refused(Reason.TOO_OLD, good("o2"))]
    again = refused(Reason.TOO_DEEP, good("m0"), received=NOW + 1)
    console.store.append([*shop, *others, again])
    page = console.page(f"{ROOM}?site=shop&reason=too_deep")
    assert f"Replay all {PAGE + 6}" in words(page.main)
    page = console.submit(page.select_one("form[action*='/replay']"), which="all")
    assert words(page.select_one(".notice")) == f"{PAGE + 5} stored. 1 had been stored before."
    assert words(page.select_one(".empty h2")) == "No call here has this reason"
    assert len(kept(console)) == 2


def test_to_tick_nothing_is_no_fault(console: Console) -> None:
    console.store.append([refused(Reason.TOO_DEEP, good("m1"))])
    page = console.submit(console.page(ROOM).select_one("form[action$='/replay']"), which="ticked")
    assert words(page.select_one(".notice")) == "No call was chosen."
