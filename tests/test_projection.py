"""What is derived goes on whatever a call holds."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from conftest import make_site

from collector.event import Event, Trust
from collector.store import ActivityQuery
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
