"""Retention: old events leave in small steps, each kind in its time; whose the remaining ones are never changes."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from analyst import rows_of
from conftest import footfall, make_site
from console import a_console
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_logs import SITES, START, StaffAct, logs, moments
from shop import MORNING, call, order

from collector.event import CONSENT_CHANGED, DAY_MS, Event, Trust
from collector.ingest import ageing as ingest_ageing
from collector.store.retention import Retention
from collector.store.sqlite import ageing
from collector.store.sqlite.store import SqliteStore

SOAK = bool(os.environ.get("FOOTFALL_SOAK"))
DAYS = st.sampled_from([None, 0, 1, 2, 10])
pytestmark = pytest.mark.timeout(7_200 if SOAK else 600)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore.open(str(tmp_path / "footfall.db"))
    store.put_site(make_site())
    yield store
    store.close()


def settle(store: SqliteStore) -> None:
    while store.follow():
        pass


def age(store: SqliteStore, now: int) -> int:
    """A day's work; returns the number of its steps."""
    steps = 1
    while store.age(now):
        steps += 1
    if (survey := store.survey_aged()) is not None:
        store.sweep_aged(survey)
    return steps


def whose(store: SqliteStore) -> dict[int, tuple[Any, Any]]:
    return {row["seq"]: (row["customer"], row["visit"]) for row in rows_of(store, "events", resolve=True)[0]}


def together(found: dict[int, tuple[Any, Any]], among: set[int]) -> set[frozenset[int]]:
    """Which of these events are in one visit."""
    visits: dict[Any, set[int]] = {}
    for seq, (_, visit) in found.items():
        if visit is not None and seq in among:
            visits.setdefault(visit, set()).add(seq)
    return set(map(frozenset, visits.values()))


@settings(
    max_examples=3_000 if SOAK else 16,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    log=logs(),
    unlink=st.none() | st.builds(StaffAct, st.integers(0, 9), moments()),
    days=st.tuples(DAYS, DAYS, DAYS),
    since_hours=st.integers(0, 96),
)
def test_whose_the_remaining_events_are_does_not_change(
    log: list[Event], unlink: StaffAct | None, days: tuple[int | None, ...], since_hours: int
) -> None:
    with TemporaryDirectory() as folder, closing(SqliteStore.open(f"{folder}/footfall.db")) as store:
        for name, space in SITES.items():
            store.put_site(make_site(name, ids=space))
            store.put_retention(
                Retention(site=name, browsing=days[0], unknown=days[1], orders=days[2], consents=days[2])
            )
        for event in log:
            store.append([event])
        settle(store)
        joined = sorted((row["visitor"], row["customer"]) for row in rows_of(store, "identities")[0])
        if unlink and joined:
            visitor, customer = joined[unlink.what % len(joined)]
            store.unlink(customer, visitor, unlink.time)
        before = whose(store)
        age(store, START + since_hours * 3_600_000)
        after = whose(store)
        assert {seq: customer for seq, (customer, _) in after.items()} == {seq: before[seq][0] for seq in after}
        assert together(after, {*after}) == together(before, {*after})
        store.rebuild()
        assert whose(store) == after


def test_a_visit_that_decides_whose_later_ones_are_keeps_what_holds_it_together(store: SqliteStore) -> None:
    """The order's address is no log-in while the account of that visit holds; apart from it, it would be."""
    later = 24 * 60 * 30
    store.append(
        [
            call("in", "Signed In", 0, visitor="v", user="42"),
            *(call(f"p{minute}", "page", minute, visitor="v") for minute in (5, 20, 30, 40, 55)),
            order("bought", "1", 60, visitor="v", email="other@x"),
            call("later", "page", later, visitor="v"),
        ]
    )
    settle(store)
    before = whose(store)
    store.put_retention(told(7, 7, None, None))
    age(store, MORNING + later * 60_000)
    after = whose(store)
    ids = {row["id"] for row in rows_of(store, "events")[0]}
    assert {"in", "bought", "later"} < ids and len(ids) < 8, "some of the browsing has left"
    assert [after[seq][0] for seq in after] == [before[seq][0] for seq in after] == ["42"] * len(ids)


def told(*days: int | None) -> Retention:
    browsing, unknown, orders, consents = days
    return Retention(site="shop", browsing=browsing, unknown=unknown, orders=orders, consents=consents)


def a_year(store: SqliteStore) -> None:
    """Each week a visit of Jane's, one of a stranger's and an order of Jane's."""
    for week in range(52):
        at = week * 7 * 24 * 60
        store.append(
            [
                call(f"j{week}", "page", at, visitor="hers", url=f"https://shop.example/{week}"),
                call(f"s{week}", "page", at, visitor=f"stranger-{week}", url="https://shop.example/"),
                order(f"o{week}", f"{week}", at + 60, user="jane", trust=Trust.SERVER),
            ]
        )
    store.append([call("login", "identify", 1, visitor="hers", user="jane", email="jane@x")])
    settle(store)


def left(store: SqliteStore) -> dict[str, int]:
    ids = [row["id"] for row in rows_of(store, "events")[0]]
    return {kind: sum(id.startswith(kind) for id in ids) for kind in ("j", "s", "o", "login")}


NOW = MORNING + 364 * DAY_MS


@pytest.mark.parametrize(
    ("kept", "wanted"),
    [
        (told(None, None, None, None), {"j": 52, "s": 52, "o": 52, "login": 1}),
        (told(70, None, None, None), {"j": 10, "s": 10, "o": 52, "login": 1}),
        (told(None, 70, None, None), {"j": 52, "s": 10, "o": 52, "login": 1}),
        (told(140, 70, 210, None), {"j": 20, "s": 10, "o": 30, "login": 1}),
    ],
)
def test_each_kind_leaves_in_its_time_and_a_log_in_stays(
    store: SqliteStore, kept: Retention, wanted: dict[str, int]
) -> None:
    a_year(store)
    store.put_retention(kept)
    age(store, NOW)
    assert left(store) == wanted
    profile = store.profile("jane")
    assert profile is not None and profile.visitors[0].visitor == "hers"
    assert age(store, NOW) == 1, "nothing is left to do today"


def test_what_has_left_is_in_no_dictionary_and_no_file(store: SqliteStore) -> None:
    a_year(store)
    store.put_retention(told(70, 70, 70, None))
    age(store, NOW)
    store._conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    file = Path(store.path).read_bytes()
    assert b"stranger-51" in file and b"stranger-3" not in file
    assert b"https://shop.example/51" in file and b"https://shop.example/3" not in file
    assert store.profile("visitor:stranger-3") is None


def test_it_goes_in_small_steps_and_begins_anew_the_next_day(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_year(store)
    store.put_retention(told(70, 70, None, None))
    monkeypatch.setattr(ageing, "LOOKED_AT_A_STEP", 3)
    assert age(store, NOW) > 10
    assert left(store)["s"] == 10
    age(store, NOW + 7 * DAY_MS)
    assert left(store)["s"] == 9


def test_the_consent_log_outlives_the_events_and_has_its_own_time(store: SqliteStore) -> None:
    grant: dict[str, Any] = {"visitor": "v", "consent": "Analytics"}
    store.append([call("c1", CONSENT_CHANGED, 0, **grant), call("c2", CONSENT_CHANGED, 24 * 60 * 300, **grant)])
    settle(store)
    store.put_retention(told(1, 1, 1, 100))
    age(store, NOW)
    assert [row["id"] for row in rows_of(store, "events")[0]] == []
    assert [row["id"] for row in rows_of(store, "consents")[0]] == ["c2"]


def test_the_collector_does_it_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest_ageing, "FIRST_AFTER_S", 0.0)
    store = SqliteStore.open(str(tmp_path / "footfall.db"))
    store.put_site(make_site())
    store.put_retention(told(1, 1, None, None))
    with a_console(tmp_path, store, call("old", "page", visitor="v"), order("o", "1", 5, visitor="v", user="jane")):
        deadline = time.monotonic() + 60
        while (ids := [row["id"] for row in rows_of(store, "events")[0]]) != ["o"]:
            assert time.monotonic() < deadline, ids
            time.sleep(0.02)


def test_how_long_what_is_kept_is_a_rule_of_the_site(tmp_path: Path) -> None:
    db = tmp_path / "footfall.db"
    for flags in (("add", "shop", "--keep-unknown", "30"), ("edit", "shop", "--keep-browsing", "400")):
        assert footfall("site", *flags, "--json", db=db).returncode == 0
    [shown] = json.loads(footfall("site", "list", "--json", db=db).stdout)
    assert (shown["keep_browsing"], shown["keep_unknown"], "keep_orders" in shown) == (400, 30, False)
    edited = footfall("site", "edit", "shop", "--keep-browsing", "0", "--json", db=db)
    assert "keep_browsing" not in json.loads(edited.stdout)
    assert footfall("site", "edit", "shop", "--keep-orders", "-1", db=db).returncode == 2
