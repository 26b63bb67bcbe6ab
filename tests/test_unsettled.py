"""A look-up waits for what is derived only where that may touch its key; else waiting changes nothing.

`FOOTFALL_SOAK=1` runs many more examples.
"""

from __future__ import annotations

import os
import signal
from contextlib import closing
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from conftest import SHOP, Start, make_site
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from random_logs import CROWD, EMAILS, SITES, VISITORS, logs

from collector.event import Event, Trust
from collector.store import ActivityQuery
from collector.store.sqlite import unsettled
from collector.store.sqlite.store import SqliteStore
from collector.store.touched import KEPT_MAX, Touched

SOAK = bool(os.environ.get("FOOTFALL_SOAK"))
KEYS = (*(f"visitor:{one}" for one in VISITORS), *(f"user:{one}" for one in CROWD), *(f"email:{one}" for one in EMAILS))
pytestmark = pytest.mark.timeout(3_600 if SOAK else 300)


def told(store: SqliteStore, key: str) -> Any:
    return store.profile(key), store.activity(key, ActivityQuery(limit=100))


@settings(max_examples=5_000 if SOAK else 100)
@given(log=logs(), pending=st.sampled_from([1, 1, 2, 3, 8, 16]), filed=st.integers(0, 8))
def test_what_is_told_without_waiting_is_what_is_told_after_it(log: list[Event], pending: int, filed: int) -> None:
    derived = max(0, len(log) - pending)
    with TemporaryDirectory() as folder, closing(SqliteStore.open(f"{folder}/footfall.db")) as store:
        for name, ids in SITES.items():
            store.put_site(make_site(name, ids=ids))
        store.append(log[:derived])
        while store.follow():
            pass
        if log[derived : derived + filed]:
            store.append(log[derived : derived + filed])
        if log[derived + filed :]:
            store.accept(log[derived + filed :])
        touched = noted(*log[derived:])
        at_once = {key: told(store, key) for key in KEYS if not store.is_unsettled(key, touched)}
        while store.follow():
            pass
        assert {key: told(store, key) for key in at_once} == at_once


def noted(*log: Event) -> Touched:
    touched = Touched()
    touched.note(1, log)
    return touched


def browsing(n: int, **more: Any) -> Event:
    fields = {"site": "shop", "trust": Trust.BROWSER, "type": "page", "name": "", "time": n, "received": n}
    return Event(**(fields | {"id": f"m{n}", "visitor": "v2", "user": None} | more))


@pytest.fixture
def ann(store: SqliteStore) -> SqliteStore:
    """Ann has logged in on v1, with her address, and all of it is derived."""
    store.append([browsing(1, visitor="v1", type="identify", user="ann", email="ann@x")])
    while store.follow():
        pass
    return store


def test_what_others_look_at_holds_nobody_up(ann: SqliteStore) -> None:
    others = [browsing(2), browsing(3, visitor="v3", type="identify", user="bob")]
    ann.append(others)
    touched = noted(*others)
    assert [ann.is_unsettled(key, touched) for key in ("user:ann", "visitor:v1")] == [False, False]
    assert [ann.is_unsettled(key, touched) for key in ("user:bob", "visitor:v2", "visitor:v3")] == [True, True, True]


@pytest.mark.parametrize(
    "more",
    [
        {"visitor": "v1"},
        {"type": "identify", "user": "ann"},
        {"type": "identify", "email": "ann@x"},
        {"type": "identify", "user": "bob", "email": "ann@x"},
        {"type": "alias", "user": "bob", "previous": "v9"},
    ],
    ids=["her own browser", "her log-in elsewhere", "her address", "a link of her address", "two become one"],
)
def test_what_may_be_hers_is_waited_for(ann: SqliteStore, more: dict[str, Any]) -> None:
    call = browsing(2, **more)
    ann.append([call])
    assert ann.is_unsettled("user:ann", noted(call))


def order(n: int, **more: Any) -> Event:
    return browsing(n, type="track", name="Order Completed", properties='{"order_id":"1001"}', **more)


ORDERED = {
    "others'": (order(2, visitor="v3", user="bob"), order(3), False),
    "told by her back end, then by a browser": (order(2, visitor=None, user="ann", trust=Trust.SERVER), order(3), True),
    "… of her address": (order(2, visitor=None, email="ann@x", trust=Trust.SERVER), order(3), True),
    "told by her browser, then by a back end": (
        order(2, visitor="v1"),
        order(3, visitor=None, user="bob", trust=Trust.SERVER),
        True,
    ),
    "named by her browser's page": (
        browsing(2, visitor="v1", properties='{"order_id":"1001"}'),
        order(3, visitor=None, user="bob", trust=Trust.SERVER),
        True,
    ),
}


@pytest.mark.parametrize(("before", "after", "hers"), ORDERED.values(), ids=ORDERED)
def test_an_order_is_waited_for_by_whom_an_earlier_call_of_it_names(
    ann: SqliteStore, before: Event, after: Event, hers: bool
) -> None:
    ann.append([before])
    while ann.follow():
        pass
    ann.append([after])
    touched = noted(after)
    assert ann.is_unsettled("user:ann", touched) is hers
    assert ann.is_unsettled("visitor:v1", touched) is hers


def test_a_link_is_waited_for_by_all_whose_device_the_address_claimed(ann: SqliteStore) -> None:
    """One address less that is somebody of its own, and the device is no longer shared."""
    claims = [browsing(n, visitor="v1", type="identify", user=f"other-{n}") for n in range(2, 6)]
    ann.append([*claims, browsing(6, visitor="v1", type="identify", email="zoe@x")])
    while ann.follow():
        pass
    link, another = (browsing(7, type="identify", user="other-2", email=email) for email in ("zoe@x", "yan@x"))
    assert [ann.is_unsettled("user:ann", noted(one)) for one in (link, another)] == [True, False]


ANN = browsing(1, visitor="v1", type="identify", user="ann")
HELD = {
    "a link takes the device from whom it was": (
        [
            ANN,
            browsing(5, visitor="v1", type="identify", email="e@x"),
            browsing(7, visitor="v9", type="identify", user="ann", email="e@x"),
        ],
        browsing(8, visitor="v8", type="identify", user="bob", email="e@x", trust=Trust.SERVER),
    ),
    "an earlier page takes the order": (
        [order(2, visitor=None, user="ann", trust=Trust.SERVER), order(3, visitor="v1")],
        browsing(2, visitor="v0", properties='{"order_id":"1001"}'),
    ),
    "a log-out": ([ANN], browsing(5, visitor="v1", type="track", name="Signed Out")),
}


@pytest.mark.parametrize(("held", "pending"), HELD.values(), ids=HELD)
def test_whose_address_may_come_to_count_waits(store: SqliteStore, held: list[Event], pending: Event) -> None:
    """Jane's order was made while Ann held the device: so far it says nothing of who Jane is."""
    hers = replace(order(6, visitor="v1", email="jane@x"), properties='{"order_id":"2"}')
    store.append([*held, hers])
    while store.follow():
        pass
    store.append([pending])
    assert store.is_unsettled("email:jane@x", noted(pending))


def test_what_was_derived_stays_so_whoever_tells_less(ann: SqliteStore) -> None:
    touched = noted(browsing(2, visitor="v1")).after(1)
    ann.append([browsing(3, visitor="v1", type="identify", user="ann")])
    assert ann.is_unsettled("user:ann", touched)  # another process has written
    assert ann.is_unsettled("user:ann", touched.after(0))


def test_what_is_told_of_out_of_its_order_is_kept() -> None:
    touched = Touched()
    for mark, visitor in ((10, "v1"), (7, "v2"), (7, "v1")):
        touched.note(mark, [browsing(mark, visitor=visitor)])
    left = touched.after(8)
    assert left.anybody
    assert [left.names([visitor], []) for visitor in ("v1", "v2")] == [True, False]


def test_of_very_many_orders_or_links_none_is_looked_for(ann: SqliteStore) -> None:
    told = [replace(order(2), properties=f'{{"order_id":"{n}"}}') for n in range(unsettled.SOUGHT_MAX + 1)]
    few, many = noted(*told[1:]), noted(*told)
    assert [ann.is_unsettled("user:ann", touched) for touched in (few, many)] == [False, True]


def test_what_is_derived_is_waited_for_no_longer(ann: SqliteStore) -> None:
    calls = [browsing(2, visitor="v1"), browsing(3, name="Order Completed", properties='{"order_id":"1001"}')]
    touched = noted(*calls)
    assert ann.is_unsettled("user:ann", touched)
    assert ann.is_unsettled("user:ann", touched.after(0))
    assert not ann.is_unsettled("user:ann", touched.after(1))


def test_where_very_many_were_touched_everybody_is(ann: SqliteStore) -> None:
    few, many = (noted(*(browsing(n, visitor=f"other-{n}") for n in range(upto))) for upto in (KEPT_MAX, KEPT_MAX + 1))
    assert [ann.is_unsettled("user:ann", touched) for touched in (few, many)] == [False, True]


def test_of_what_was_stored_before_the_start_everybody_is_touched(ann: SqliteStore) -> None:
    touched = Touched(everybody=True)
    assert ann.is_unsettled("user:ann", touched)
    assert not ann.is_unsettled("user:ann", touched.after(0))


def test_where_another_process_has_written_everybody_waits_if_that_can_be_told(
    ann: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not ann.is_unsettled("user:ann", noted())
    ann.append([browsing(2), browsing(3)])
    assert ann.is_unsettled("user:ann", noted())
    assert not ann.is_unsettled("user:ann", noted(browsing(2)))
    monkeypatch.setattr(unsettled, "BACKLOG_MAX", 1)
    assert ann.is_unsettled("user:ann", noted(browsing(2)))


def test_what_another_process_has_just_written_shows(start: Start) -> None:
    collector = start(make_site())
    assert collector.writing
    with closing(SqliteStore.open(str(collector.db))) as store:
        store.append([browsing(1, visitor="v1", type="identify", user="ann")])
        assert len(collector.ask("/api/customers/ann/activity")["events"]) == 1


def test_a_look_up_is_answered_while_what_others_did_waits(start: Start) -> None:
    collector = start(make_site())
    key = {"writeKey": "wk_shop", "context": {"page": {"url": f"{SHOP}/"}}}
    collector.post("/v1/identify", key | {"anonymousId": "v1", "userId": "ann", "messageId": "1"}, origin=SHOP)
    assert len(collector.ask("/api/customers/ann/activity")["events"]) == 1
    writing = collector.writing
    assert collector.post("/v1/page", key | {"anonymousId": "v2", "messageId": "2"}, origin=SHOP).status_code == 200
    os.kill(writing, signal.SIGSTOP)
    try:
        assert len(collector.ask("/api/customers/ann/activity")["events"]) == 1
    finally:
        os.kill(writing, signal.SIGCONT)
    assert len(collector.ask("/api/customers/visitor:v2/activity")["events"]) == 1
