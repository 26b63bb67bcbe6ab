"""What is derived goes on whatever a call holds."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from conftest import make_site
from msgspec.structs import replace

from collector.event import DAY_MS, Event, Trust
from collector.store import ActivityPage, ActivityQuery
from collector.store.retention import Retention
from collector.store.sqlite.store import SqliteStore


def event(id: str, time: int, **fields: object) -> Event:
    told = {"type": "page", "name": "", "trust": Trust.BROWSER, "visitor": "v1", **fields}
    return Event(site="shop", id=id, time=time, received=time, **told)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "total", ["1e999999999", "-1e999999999", "1e-999999999", "NaN", "Infinity", "9" * 4_000, "0x1"]
)
def test_no_amount_stops_what_is_derived(tmp_path: Path, total: str) -> None:
    store = SqliteStore.open(str(tmp_path / "footfall.db"))
    store.put_site(make_site())
    fields = f'"order_id":"1","total":"{total}","refund_id":"r","products":[{{"price":"{total}","quantity":"{total}"}}]'
    names = ("Order Completed", "Order Refunded", "Order Updated", "Order Cancelled")
    store.append(
        [event(f"m{n}", n, type="track", name=name, properties=f"{{{fields}}}") for n, name in enumerate(names)]
        + [event("last", 9, type="identify", user="A")]
    )
    store.follow()
    profile = store.profile("A")
    assert profile is not None and profile.events == 5
    assert store.stats()["set_aside"] == 0
    store.close()


def test_an_event_that_cannot_be_derived_is_set_aside_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "footfall.db"
    store = SqliteStore.open(str(path))
    store.put_site(make_site())
    with sqlite3.connect(path) as conn:  # a fault that only this one event meets
        conn.execute(
            "CREATE TRIGGER fault BEFORE INSERT ON traits WHEN NEW.name = 'poison' BEGIN SELECT RAISE(ABORT, 'x'); END"
        )
    conn.close()
    store.append(
        [
            *(event(f"a{n}", n) for n in range(20)),
            event("bad", 20, visitor="v2", type="identify", user="B", properties='{"poison":1}'),
            *(event(f"b{n}", 21 + n) for n in range(20)),
            event("good", 50, type="identify", user="A"),
        ]
    )
    store.follow()
    assert store.stats()["set_aside"] == 1 and store.stats()["backlog"] == 0
    page = store.activity("A", ActivityQuery(limit=100))
    assert page is not None and len(page.events) == 41
    assert store.rebuild() == 42
    assert store.stats()["set_aside"] == 1
    store.close()


def test_a_span_in_which_nothing_lies_yet_waits_for_its_first_event(tmp_path: Path) -> None:
    store = SqliteStore.open(str(tmp_path / "footfall.db"))
    store.put_site(make_site())

    def tell(*events: Event) -> None:
        store.append(events)
        store.follow()

    tell(event("m1", 1, type="identify", user="B"))
    store.unlink("B", "v1", 5)
    tell(event("m2", 2))
    # The back end knows the visitor anew; what lies before the unlink stays nobody's.
    tell(event("m3", 10, visitor=None, type="alias", user="A", previous="v1", trust=Trust.SERVER))
    tell(event("m4", 12))
    page = store.activity("visitor:v1", ActivityQuery())
    assert page is not None
    assert [(each.id, each.customer) for each in page.events] == [("m4", "A"), ("m2", None), ("m1", None)]
    store.close()


def seen(store: SqliteStore, key: str) -> tuple[int | None, int | None]:
    """When a customer was first and last seen, which a rebuild says too."""
    told = [(profile.first_seen, profile.last_seen) for profile in (store.profile(key),) if profile]
    store.rebuild()
    again = [(profile.first_seen, profile.last_seen) for profile in (store.profile(key),) if profile]
    assert told == again
    return told[0]


def test_when_a_customer_was_seen_follows_what_they_gain_and_what_they_lose(tmp_path: Path) -> None:
    store = SqliteStore.open(str(tmp_path / "footfall.db"))
    for name in ("shop", "outlet"):
        store.put_site(replace(make_site(), name=name, write_key=f"wk_{name}", secret_key_hash=name))

    def tell(*events: Event) -> None:
        for each in events:
            store.append([each])
            store.follow()

    tell(event("a1", 100, type="identify", user="A"), event("a2", 200))
    assert seen(store, "A") == (100, 200)
    tell(event("b1", 150, visitor="v2", type="identify", user="A"), event("b2", 120, visitor="v2"))
    assert seen(store, "A") == (100, 200)
    tell(event("c1", 90, visitor="v3"), event("c2", 300, visitor="v3", type="identify", user="A"))
    assert seen(store, "A") == (90, 300)
    tell(event("c3", 400, visitor="v3"), event("a3", 350))
    assert seen(store, "A") == (90, 400)
    # Late by much: somebody else was there before, so the end of v3 was never A's.
    tell(*(event(f"c{at}", at, visitor="v3", type="identify", user="B") for at in (95, 310)))
    assert seen(store, "A") == (100, 350)
    # What is taken out at an open end.
    tell(replace(event("a4", 500), site="outlet"))
    assert seen(store, "A") == (100, 500)
    store.erase_browsing("outlet", "v1", 1_000)
    assert seen(store, "A") == (100, 350)
    # The back end says that an address is theirs too, and staff that it is not.
    address = {"type": "identify", "email": "d@shop.example"}
    tell(event("d1", 50, visitor="v4", **address), event("d2", 600, visitor="v4"))
    tell(event("l", 700, visitor=None, trust=Trust.SERVER, **address | {"user": "A"}))
    assert seen(store, "A") == (50, 700)
    store.undo_link("A", "email:d@shop.example", 1_000)
    assert seen(store, "A") == (100, 700)
    store.close()


def test_a_first_page_behind_mail_counts_as_the_first_thing_seen(tmp_path: Path) -> None:
    store = SqliteStore.open(str(tmp_path / "footfall.db"))
    store.put_site(make_site())
    mail = event("mail", 100, trust=Trust.SERVER, type="track", name="Email Opened")
    alias = event("alias", 1_000, visitor=None, trust=Trust.SERVER, type="alias", user="A", previous="v1")
    for each in (mail, alias, event("late", 200), event("quiz", 1_100, visitor="v2", type="identify", user="A")):
        store.append([each])
        store.follow()
    assert seen(store, "A") == (200, 1_100)
    store.close()


def test_one_id_on_very_many_devices_costs_each_further_call_the_same(tmp_path: Path) -> None:
    def statements(devices: int) -> dict[str, int]:
        store = SqliteStore.open(str(tmp_path / f"{devices}.db"))
        store.put_site(make_site())
        store.append([event(f"d{n}", 10 * n, visitor=f"v{n}", type="identify", user="A") for n in range(1, devices)])
        while store.follow():
            pass
        asked: list[str] = []
        costs = {}
        store._conn.set_trace_callback(asked.append)
        one = f"v{devices // 2}"
        for n, (what, call) in enumerate(
            {
                "a new device": {"visitor": "new", "type": "identify", "user": "A"},
                "a page": {"visitor": one},
                "a log-out": {"visitor": one, "type": "track", "name": "Signed Out", "user": "A"},
                "a page after it": {"visitor": one},
                "somebody else's log-in": {"visitor": f"v{devices // 3}", "type": "identify", "user": "B"},
            }.items()
        ):
            store.append([event(what, 10 * devices + n, **call)])
            asked.clear()
            store.follow()
            costs[what] = len(asked)
        store.close()
        return costs

    few, many = statements(20), statements(200)
    assert all(many[what] <= few[what] + 20 for what in few), (few, many)


def test_whom_a_log_in_names_is_a_customer_also_where_another_claim_counts_for_more(tmp_path: Path) -> None:
    store = SqliteStore.open(str(tmp_path / "footfall.db"))
    store.put_site(make_site())
    order = {"type": "track", "properties": '{"order_id":"1001"}'}
    for each in (
        event("o1", 30, user="C", trust=Trust.SERVER, **order | {"name": "Order Shipped"}),
        event("o2", 2 * DAY_MS, user="A", **order | {"name": "Order Completed"}),
        event("p", 2 * DAY_MS + 1, user="B", trust=Trust.SERVER),
    ):
        store.append([each])
        store.follow()

    def customers() -> list[str]:
        return sorted(row.key for row in store.customers("", "name", None, 10).customers)

    store.unlink("B", "v1", 3 * DAY_MS)
    assert customers() == ["A", "B", "C"]
    store.rebuild()
    assert customers() == ["A", "B", "C"]
    store.close()


def test_what_a_back_end_says_of_a_visitor_outlives_the_visitors_own_events(tmp_path: Path) -> None:
    store = SqliteStore.open(str(tmp_path / "footfall.db"))
    store.put_site(make_site())
    alias = event("al", DAY_MS, visitor=None, type="alias", user="A", previous="v1", trust=Trust.SERVER)
    for each in (event("p1", DAY_MS // 2), alias):
        store.append([each])
        store.follow()
    store.put_retention(Retention(site="shop", browsing=1))
    while store.age(40 * DAY_MS):
        pass
    assert store.activity("visitor:v1", ActivityQuery()) == ActivityPage([], None)
    store.append([event("p2", 40 * DAY_MS)])
    store.follow()
    page = store.activity("visitor:v1", ActivityQuery())
    assert page is not None and [(each.id, each.customer) for each in page.events] == [("p2", "A")]
    store.rebuild()
    assert store.activity("visitor:v1", ActivityQuery()) == page
    store.close()
