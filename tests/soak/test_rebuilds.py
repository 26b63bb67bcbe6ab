"""What is derived by and by is what a rebuild derives, whatever left meanwhile: erased, aged, taken apart by staff.

Very many random logs; each is appended and followed in portions, with what takes away in between.
"""

from __future__ import annotations

import os
from contextlib import closing, suppress
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from analyst import rows_of
from conftest import make_site
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_logs import SITES, START, logs

from collector.errors import NotFound
from collector.event import DAY_MS, MINUTE_MS, Event
from collector.store.retention import Retention
from collector.store.sqlite.store import SqliteStore

pytestmark = [
    pytest.mark.usefixtures("short_memory"),
    pytest.mark.soak,
    pytest.mark.skipif("FOOTFALL_SOAK" not in os.environ, reason="long; make soak"),
]
LOGS = 1_000
ROOM = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
HOUR_MS = 60 * MINUTE_MS
ERASED_AT = START + 40 * DAY_MS
DERIVED = ("visits", "customers", "orders", "order_lines", "identities")
# What no export shows, or not whole. `seq` in them is a handle that rebuilds keep.
HIDDEN = (
    "SELECT person, name, value, strength, time, seq FROM traits",
    "SELECT person, seq, user, strength, why FROM links",
    "SELECT visitor, seq, act, why, user, email, strength FROM claims",
    "SELECT visitor, known, last_time FROM sightings",
    "SELECT * FROM subscriptions",
)
days = st.sampled_from([None, 0, 1, 2, 10])
periods = st.fixed_dictionaries({"browsing": days, "unknown": days, "orders": days, "consents": days})
steps = st.tuples(
    st.sampled_from(["append"] * 8 + ["follow"] * 6 + ["unlink", "undo", "erase", "age", "age"]), st.integers(0, 400)
)


@settings(max_examples=LOGS, deadline=None, suppress_health_check=list(HealthCheck))
@given(log=logs(), script=st.lists(steps, max_size=20), kept=periods)
def test_what_is_left_is_derived_as_by_a_rebuild(
    log: list[Event], script: list[tuple[str, int]], kept: dict[str, int | None]
) -> None:
    with TemporaryDirectory(dir=ROOM) as folder, closing(SqliteStore.open(f"{folder}/footfall.db")) as store:
        for name, ids in SITES.items():
            store.put_site(make_site(name, ids=ids))
            store.put_retention(Retention(site=name, **kept))
        go_through(store, log, script)
        settle(store)
        by_and_by = derived(store)
        store.rebuild()
        assert by_and_by == derived(store)


def go_through(store: SqliteStore, log: list[Event], script: list[tuple[str, int]]) -> None:
    left = list(log)
    for step, n in script:
        if step == "append":
            store.append(left[: 1 + n % 6])
            del left[: 1 + n % 6]
        elif step == "follow":
            store.follow(1 + n % 5)
        else:
            settle(store)
            take_away(store, step, n)
    while left:
        store.append(left[:3])
        del left[:3]
        store.follow(2)


def settle(store: SqliteStore) -> None:
    while store.follow():
        pass


def take_away(store: SqliteStore, how: str, n: int) -> None:
    at = START + n % 60 * HOUR_MS
    customers = sorted(row["customer"] for row in rows_of(store, "customers")[0] if not row["deleted"])
    joined = sorted((row["visitor"], row["customer"]) for row in rows_of(store, "identities")[0] if row["customer"])
    if how == "age":
        age(store, at + n // 60 * DAY_MS)
    elif how == "erase" and customers:
        store.erase(customers[n % len(customers)], ERASED_AT)
    elif how == "unlink" and joined:
        visitor, customer = joined[n % len(joined)]
        store.unlink(customer, visitor, at)
    elif how == "undo" and customers:
        undo(store, customers[n % len(customers)], n, at)


def age(store: SqliteStore, now: int) -> None:
    while store.age(now):
        pass
    if (upto := store.survey_aged()) is not None:
        store.sweep_aged(upto)


def undo(store: SqliteStore, customer: str, n: int, at: int) -> None:
    profile = store.profile(customer)
    others = profile.ids[1:] if profile else ()
    if others:
        other = others[n % len(others)]
        with suppress(NotFound):  # a user id of another space has another key
            store.undo_link(customer, f"{other.kind}:{other.value}", at)


def derived(store: SqliteStore) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {question: store._conn.execute(question).fetchall() for question in HIDDEN}
    for name in DERIVED:
        rows = [row for row in rows_of(store, name)[0] if not row.get("deleted")]
        found[name] = [{column: value for column, value in row.items() if column != "rev"} for row in rows]
    events = rows_of(store, "events", resolve=True)[0]
    found["whose"] = [(row["seq"], row["customer"], row["visit"]) for row in events]
    return {name: sorted(rows, key=str) for name, rows in found.items()}
