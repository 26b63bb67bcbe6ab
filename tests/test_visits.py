"""Visits: runs of one visitor's events, as the contract's first section says it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from storyteller import Shop

from collector.event import VISIT_GAP_MS, Campaign, Trust
from collector.store.sqlite.store import SqliteStore
from collector.visits import Step, fold, forms_visit


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    store = SqliteStore.open(str(tmp_path / "footfall.db"))
    yield Shop(store)
    store.close()


def steps(*times: int) -> list[Step]:
    return [Step((time, f"m{n}", 0), n) for n, time in enumerate(times)]


def landings(*campaigns: Campaign) -> list[Step]:
    """One a second."""
    return [Step((n * 1_000, f"m{n}", 0), n, campaign) for n, campaign in enumerate(campaigns)]


def sizes(steps: list[Step]) -> list[int]:
    return [visit.events for visit in fold(steps)]


@pytest.mark.parametrize(
    "gap_ms, wanted", [(0, [2]), (1, [2]), (VISIT_GAP_MS - 1, [2]), (VISIT_GAP_MS, [1, 1]), (VISIT_GAP_MS + 1, [1, 1])]
)
def test_a_gap_of_30_minutes_or_more_ends_a_visit(gap_ms: int, wanted: list[int]) -> None:
    assert sizes(steps(1_000, 1_000 + gap_ms)) == wanted


def test_a_visit_may_last_as_long_as_no_gap_does() -> None:
    assert sizes(steps(*range(0, 100 * VISIT_GAP_MS, VISIT_GAP_MS - 1))) == [101]


@pytest.mark.parametrize(
    "before, now, wanted",
    [
        (Campaign(), Campaign(), [2]),
        (Campaign(source="g"), Campaign(source="g"), [2]),
        (Campaign(source="g"), Campaign(), [2]),
        (Campaign(), Campaign(source="g"), [1, 1]),
        (Campaign(source="g"), Campaign(source="f"), [1, 1]),
        (Campaign(source="g"), Campaign(medium="cpc"), [1, 1]),
        (Campaign(source="g"), Campaign(source="g", medium="cpc"), [1, 1]),
        (Campaign(source="g", name="spring"), Campaign(source="g", name="may"), [1, 1]),
        (Campaign(click_id="gclid:1"), Campaign(click_id="gclid:2"), [1, 1]),
        (Campaign(source="g", click_id="gclid:1"), Campaign(source="g"), [2]),
        (Campaign(source="g", term="shoe"), Campaign(source="g", term="boot"), [2]),
        (Campaign(source="g", content="a"), Campaign(source="g", content="b"), [2]),
    ],
)
def test_a_source_medium_name_or_click_id_that_differs_from_the_last_begins_a_visit(
    before: Campaign, now: Campaign, wanted: list[int]
) -> None:
    assert sizes(landings(before, now)) == wanted


def test_the_last_campaign_is_remembered_over_pages_without_one() -> None:
    g, none, f = Campaign(source="g"), Campaign(), Campaign(source="f")
    assert sizes(landings(g, none, g, none, f, none)) == [4, 2]


def test_a_visits_id_is_its_first_events(shop: Shop) -> None:
    v = shop.visitor()
    first = v.page()
    v.page()
    shop.passes(minutes=30)
    second = v.page()
    assert [event.visit for event in shop.activity("visitor:v")] == [first.id, first.id, second.id]


def test_in_the_same_millisecond_the_lesser_message_id_comes_first(shop: Shop) -> None:
    v = shop.visitor()
    now = shop.now
    v.page(id="b", time=now)
    v.page(id="a", time=now)
    v.page(id="a", time=now, trust=Trust.SERVER)
    assert [(event.id, event.visit) for event in shop.activity("visitor:v")] == [("a", "a"), ("a", "a"), ("b", "a")]


def test_an_event_that_comes_late_joins_two_visits(shop: Shop) -> None:
    v = shop.visitor()
    first = v.page()
    shop.passes(minutes=45)
    v.page()
    assert v.visits == "1 2"
    v.page(time=first.time + 20 * 60_000)
    assert v.visits == "1 1 1"


def test_an_event_that_comes_late_may_be_the_visits_first(shop: Shop) -> None:
    v = shop.visitor()
    first = v.page()
    assert [event.visit for event in shop.activity("visitor:v")] == [first.id]
    earlier = v.page(time=first.time - 60_000)
    assert {event.visit for event in shop.activity("visitor:v")} == {earlier.id}


@pytest.mark.parametrize("name", ["Order Refunded", "Order Cancelled", "Email Opened", "Email Marked as Spam"])
def test_refunds_cancellations_and_mail_neither_begin_nor_extend_a_visit(shop: Shop, name: str) -> None:
    v = shop.visitor()
    v.track(name)
    v.page()
    shop.passes(minutes=20)
    v.track(name)
    shop.passes(minutes=20)
    v.page()
    assert v.visits == "- 1 - 2"


@pytest.mark.parametrize(
    "kind, name, staff, wanted",
    [
        ("page", "", False, True),
        ("identify", "", False, True),
        ("track", "Signed Out", False, True),
        ("track", "Order Completed", False, True),
        ("track", "Emailed", False, True),
        ("page", "Email Preferences", False, True),
        ("track", "Email Opened", False, False),
        ("page", "", True, False),
    ],
)
def test_all_else_that_carries_the_visitor_forms_visits_but_what_staff_do(
    kind: str, name: str, staff: bool, wanted: bool
) -> None:
    assert forms_visit(kind, name, staff) is wanted


def test_the_back_ends_calls_extend_the_visit_of_the_visitor_that_they_carry(shop: Shop) -> None:
    v = shop.visitor()
    v.page()
    shop.passes(minutes=20)
    v.page(trust=Trust.SERVER)
    shop.passes(minutes=20)
    v.page()
    assert v.visits == "1 1 1"


def test_a_call_without_a_visitor_has_no_visit(shop: Shop) -> None:
    shop.server.identify("A")
    assert [event.visit for event in shop.activity("A")] == [None]


campaigns = st.sampled_from([None, Campaign(), Campaign(source="g"), Campaign(source="f"), Campaign(medium="cpc")])


@given(st.lists(st.tuples(st.integers(0, 12), campaigns), max_size=30), st.integers(0, 30))
def test_a_fold_entered_at_any_visits_end_equals_the_whole(walk: list[tuple[int, Campaign | None]], at: int) -> None:
    time, walked = 0, []
    for n, (tens_of_minutes, campaign) in enumerate(walk):
        time += tens_of_minutes * VISIT_GAP_MS // 3
        walked.append(Step((time, f"m{n}", 0), n, campaign))
    whole, head = fold(walked), fold(walked[:at])
    assert head[:-1] + fold(walked[at:], head[-1] if head else None) == whole
    assert sum(visit.events for visit in whole) == len(walked)
