"""An analyst who applies every increment has exactly the live join, whatever happens between increments."""

from __future__ import annotations

import itertools
import json
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from analyst import Analyst, rows_of
from conftest import make_site
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.errors import NotFound
from collector.event import DAY_MS, MINUTE_MS, Event, Trust
from collector.store import ActivityQuery
from collector.store.sqlite.store import SqliteStore

NOW = 1_760_000_000_000
BROWSERS = ("phone", "laptop", "tablet")
PEOPLE = ("42", "43", "44")
ADDRESSES = ("jane@x", "joe@x")

calls = st.fixed_dictionaries(
    {
        "name": st.sampled_from(
            ["", "Product Viewed", "identify", "Signed In", "Signed Out", "Order Completed", "Order Refunded", "alias"]
        ),
        "visitor": st.sampled_from([*BROWSERS, None]),
        "user": st.sampled_from([*PEOPLE, None, None]),
        "email": st.sampled_from([*ADDRESSES, None]),
        "server": st.booleans(),
        "order": st.sampled_from(["1001", "1002"]),
        # Half an hour apart or less, in any order, often in the same millisecond.
        "time": st.integers(0, 12).map(lambda step: NOW - DAY_MS + step * 17 * MINUTE_MS),
    }
)
unlinks = st.tuples(st.just("unlink"), st.sampled_from(PEOPLE), st.sampled_from(BROWSERS))
undos = st.tuples(st.just("undo"), st.sampled_from(PEOPLE), st.sampled_from(ADDRESSES))
steps = st.lists(calls | calls | calls | unlinks | undos | st.just("take"), min_size=1, max_size=30)


def event_of(call: dict[str, Any], id: str) -> Event:
    name, kind = call["name"], "track"
    if name in ("", "identify", "alias"):
        name, kind = "", name or "page"
    about = name.startswith("Order")
    properties: dict[str, Any] = {"email": call["email"]} if call["email"] else {}
    if about:
        properties |= {"order_id": call["order"], "total": 20, "currency": "EUR"}
        properties |= {"refund_id": id, "amount": 5} if name == "Order Refunded" else {"products": [{"sku": "a"}]}
    named = name or kind in ("identify", "alias")
    return Event(
        site="shop",
        id=id,
        trust=Trust.SERVER if call["server"] or kind == "alias" else Trust.BROWSER,
        type=kind,
        name=name,
        time=call["time"],
        received=NOW,
        visitor=None if kind == "alias" else call["visitor"],
        user=call["user"] if named else None,
        email=call["email"] if named and kind != "alias" else None,
        previous=call["visitor"] if kind == "alias" else None,
        properties=json.dumps(properties) if properties else "",
    )


@settings(max_examples=16, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps)
def test_every_increment_applied_gives_the_live_join(story: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore.open(str(Path(folder) / "footfall.db"))
        try:
            analyst = Analyst()
            live(store, analyst, story)
            analyst.take(store)
            agree(store, analyst)
        finally:
            store.close()


def live(store: SqliteStore, analyst: Analyst, story: list[Any]) -> None:
    store.put_site(make_site())
    ids = (f"m{n}" for n in itertools.count())
    for step in story:
        if step == "take":
            analyst.take(store)
        elif isinstance(step, dict):
            store.append([event_of(step, next(ids))])
        else:
            what, key, other = step
            with suppress(NotFound):
                (store.unlink if what == "unlink" else store.undo_link)(
                    key, other if what == "unlink" else f"email:{other}", NOW
                )
        while store.follow():
            pass


def agree(store: SqliteStore, analyst: Analyst) -> None:
    resolved, _ = rows_of(store, "events", resolve=True)
    copied = list(analyst.copies["events"].values())
    assert [{**row, "customer": analyst.customer_of(row), "visit": analyst.visit_of(row)} for row in copied] == [
        {name: value for name, value in row.items() if name != "why"} for row in resolved
    ]
    for name in ("visits", "customers", "orders", "order_lines", "identities"):
        whole, _ = rows_of(store, name)
        assert sorted(analyst.copies[name].values(), key=str) == sorted(whole, key=str), name
    for customer in {row["customer"] for row in resolved} - {None}:
        assert timeline(store, customer) == {
            row["id"]: (row["customer"], row["visit"], row["why"]) for row in resolved if row["customer"] == customer
        }


def timeline(store: SqliteStore, key: str) -> dict[str, tuple[str | None, str | None, str | None]]:
    page = store.activity(key, ActivityQuery(limit=100))
    assert page is not None
    return {event.id: (event.customer, event.visit, event.why) for event in page.events}
