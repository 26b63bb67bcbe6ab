"""Delivery in real browsers: whatever happens on the way, every call arrives in the end, and each counts once."""

from __future__ import annotations

import os
import time

import pytest

from browsers.engines import Tab
from browsers.engines.bidi import BidiTab
from browsers.expecting import page, quiet, track, wait_for
from browsers.visiting import Visit

CALLS = 20
ROUNDS, ROUNDS_OF_SOAK = 3, 50
SHARE_OF_SOAK = 0.99
KEPT = "Object.keys(localStorage).filter(key => key.startsWith('footfall:')).length"


def count(tab: Tab, name: str = "Counted", calls: int = CALLS) -> None:
    """So many calls at once."""
    tab.evaluate(f"void [...Array({calls}).keys()].forEach(n => footfall('track', '{name}', {{n}}))")


def counted(visit: Visit, name: str = "Counted") -> list[int]:
    """The numbers of the calls that are on disk, in order."""
    found = [call for call in visit.relay.calls() if call.get("event") == name]
    stored = set(visit.collector.stored())
    return sorted(call["properties"]["n"] for call in found if call["messageId"] in stored)


def all_arrive(visit: Visit, name: str = "Counted", calls: int = CALLS) -> None:
    wait_for(
        lambda: len(counted(visit, name)) >= calls, lambda: f"{counted(visit, name)} {visit.relay.passed()}", seconds=20
    )
    assert counted(visit, name) == list(range(calls))


def close_with_calls(visit: Visit, round: int) -> None:
    """Close a tab the moment after calls were made, and come back."""
    name = f"Round {round}"
    tab = visit.arrive("/")
    before = len(visit.relay.exchanges)
    count(tab, name)
    visit.close(tab)
    quiet(visit.relay)
    # On a busy machine they may have left before; what the page tells of its end then goes by itself.
    at_close = [one for one in visit.relay.exchanges[before:] if any(call.get("event") == name for call in one.calls)]
    assert len(at_close) <= 1, "more than one request at the close"
    back = visit.arrive("/back")
    wait_for(lambda: back.evaluate(KEPT) == 0, lambda: "something is still kept")
    visit.close(back)


def test_a_tab_closed_with_calls_queued_loses_none(visit: Visit) -> None:
    for round in range(ROUNDS):
        close_with_calls(visit, round)
        all_arrive(visit, f"Round {round}")


@pytest.mark.soak
@pytest.mark.skipif("FOOTFALL_SOAK" not in os.environ, reason="long; make soak")
def test_of_fifty_closed_tabs_hardly_a_call_is_lost(visit: Visit) -> None:
    for round in range(ROUNDS_OF_SOAK):
        close_with_calls(visit, round)
    arrived = [counted(visit, f"Round {round}") for round in range(ROUNDS_OF_SOAK)]
    assert all(len(numbers) == len(set(numbers)) for numbers in arrived), "a call counted twice"
    assert sum(map(len, arrived)) >= SHARE_OF_SOAK * ROUNDS_OF_SOAK * CALLS


def test_while_the_collector_is_down_nothing_is_lost(visit: Visit) -> None:
    tab = visit.arrive("/")
    with visit.relay.down():
        tried = len(visit.relay.exchanges)
        count(tab)
        wait_for(lambda: len(visit.relay.exchanges) > tried + 1, lambda: "it was not tried again")
    all_arrive(visit)
    wait_for(lambda: tab.evaluate(KEPT) == 0, lambda: "something is still kept")


def test_what_a_closed_tab_could_not_send_goes_with_the_next_page(visit: Visit) -> None:
    tab = visit.arrive("/")
    with visit.relay.down():
        count(tab)
        visit.close(tab)
        quiet(visit.relay)
    assert counted(visit) == []
    visit.expect(lambda: visit.open("/next"), [track("Counted", n=0), page("/next")])
    all_arrive(visit)


def test_an_answer_that_is_lost_on_the_way_doubles_nothing(visit: Visit) -> None:
    tab = visit.arrive("/")
    with visit.relay.losing_answers():
        tried = len(visit.relay.exchanges)
        count(tab)
        wait_for(lambda: len(visit.relay.exchanges) > tried, lambda: "nothing was sent")
    all_arrive(visit)
    ids = [call["messageId"] for one in visit.relay.exchanges for call in one.calls]
    assert len(ids) > len(set(ids)), "nothing was sent again"


def test_a_busy_collector_is_left_alone_for_as_long_as_it_asks(visit: Visit) -> None:
    tab = visit.arrive("/")
    with visit.relay.refusing(503, retry_after="2"):
        tried = len(visit.relay.exchanges)
        count(tab)
        wait_for(lambda: len(visit.relay.exchanges) > tried, lambda: "nothing was sent")
        refused_at = visit.relay.exchanges[-1].at
        time.sleep(1)
        assert len(visit.relay.exchanges) == tried + 1, "it was asked again too soon"
    all_arrive(visit)
    assert visit.relay.exchanges[-1].at - refused_at >= 1.9


def test_a_call_that_the_collector_refuses_does_not_hold_up_the_others(visit: Visit) -> None:
    tab = visit.arrive("/")
    with visit.relay.refusing(400):
        tried = len(visit.relay.exchanges)
        tab.evaluate("void footfall('track', 'Poison')")
        wait_for(lambda: len(visit.relay.exchanges) > tried, lambda: "nothing was sent")
        wait_for(lambda: tab.evaluate(KEPT) == 0, lambda: "the poison is still kept")
    visit.expect(lambda: tab.evaluate("void footfall('track', 'Sane')"), [track("Sane")], [track("Poison")])


def test_three_tabs_at_once_send_each_call_once(visit: Visit) -> None:
    three_tabs_while_it_is_down(visit)
    sent_once(visit)


def three_tabs_while_it_is_down(visit: Visit) -> list[Tab]:
    """Three tabs count while the collector is down; when it is back, all arrive."""
    tabs = [visit.arrive(f"/{n}") for n in range(3)]
    with visit.relay.down():
        for n, tab in enumerate(tabs):
            count(tab, f"Tab {n}")
        quiet(visit.relay)
    for n in range(3):
        all_arrive(visit, f"Tab {n}")
    return tabs


def test_where_tabs_know_no_locks_each_call_still_counts_once(visit: Visit) -> None:
    for n in range(3):
        visit.shop.put(f"/{n}", head="<script>delete Navigator.prototype.locks</script>")
    tabs = three_tabs_while_it_is_down(visit)
    assert [tab.evaluate("navigator.locks") for tab in tabs] == [None] * 3
    for tab in tabs:
        wait_for(lambda tab=tab: tab.evaluate(KEPT) == 0, lambda: "something is still kept")
    quiet(visit.relay)
    passed = len(visit.relay.exchanges)
    quiet(visit.relay)
    assert len(visit.relay.exchanges) == passed, "they send for ever"


def test_what_three_tabs_tell_offline_arrives_once_also_what_a_tab_told_that_was_closed(visit: Visit) -> None:
    tabs = [visit.arrive(f"/{n}") for n in range(3)]
    quiet(visit.relay)
    passed = len(visit.relay.exchanges)
    with visit.relay.cut():
        for n, tab in enumerate(tabs):
            count(tab, f"Tab {n}")
        wait_for(lambda: visit.relay.turned_away > 0, lambda: "nothing was tried")
        visit.close(tabs[2])
        quiet(visit.relay)
        assert len(visit.relay.exchanges) == passed, "it was not offline"
    # A browser may itself send again what a broken line did not answer: the collector keeps it once, see `visit`.
    visit.arrive("/back")
    for n in range(3):
        all_arrive(visit, f"Tab {n}")


# WebKit's driver has no such switch.
@pytest.mark.engines("chromium", "firefox")
def test_a_page_that_is_told_that_it_is_on_line_again_sends_what_it_kept(visit: Visit) -> None:
    tabs = [visit.arrive(f"/{n}") for n in range(3)]
    quiet(visit.relay)
    passed = len(visit.relay.exchanges)
    for n, tab in enumerate(tabs):
        assert isinstance(tab, BidiTab)
        tab.go_offline()
        count(tab, f"Tab {n}")
    quiet(visit.relay)
    assert len(visit.relay.exchanges) == passed, "it was not offline"
    for tab in tabs:
        assert isinstance(tab, BidiTab)
        tab.go_online()
    for n in range(3):
        all_arrive(visit, f"Tab {n}")
    sent_once(visit)


def sent_once(visit: Visit) -> None:
    quiet(visit.relay)
    accepted = [call["messageId"] for one in visit.relay.exchanges if one.status == 200 for call in one.calls]
    assert len(accepted) == len(set(accepted)), "two tabs sent the same call"


def test_more_than_one_request_holds_goes_in_several(visit: Visit) -> None:
    tab = visit.arrive("/")
    large = "void [...Array(30).keys()].forEach(n => footfall('track', 'Counted', {n, text: 'é'.repeat(3000)}))"
    tab.evaluate(large)
    all_arrive(visit, calls=30)
    assert max(len(one.body) for one in visit.relay.exchanges) <= 65_536


def test_a_page_that_leaves_with_a_request_under_way_sends_the_rest_once(visit: Visit) -> None:
    visit.shop.put("/", '<a id="on" href="/next">on</a>')
    tab = visit.arrive("/")
    with visit.relay.holding():
        count(tab)
        time.sleep(0.4)
        count(tab, "Last moment", 3)
        tab.click("#on")
        time.sleep(0.4)
    all_arrive(visit)
    all_arrive(visit, "Last moment", 3)
