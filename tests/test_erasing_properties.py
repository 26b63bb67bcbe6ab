"""Erasure takes what is one customer's and changes nothing of anybody else's; and none of it comes back."""

from __future__ import annotations

import os
from contextlib import closing
from tempfile import TemporaryDirectory

import pytest
from analyst import rows_of
from conftest import make_site
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_logs import SITES, START, logs

from collector.event import DAY_MS, Event
from collector.store import Outcome
from collector.store.sqlite.store import SqliteStore

SOAK = bool(os.environ.get("FOOTFALL_SOAK"))
pytestmark = pytest.mark.timeout(7_200 if SOAK else 600)
AT = START + 40 * DAY_MS


def settle(store: SqliteStore) -> None:
    while store.follow():
        pass


def whose(store: SqliteStore) -> dict[int, str | None]:
    return {row["seq"]: row["customer"] for row in rows_of(store, "events", resolve=True)[0]}


def touched_by(gone: list[int], log: list[Event], before: dict[int, str | None]) -> set[str | None]:
    """Where somebody else named the person's address the call goes, too, and with it what it had said: of its device,
    and of whom it had named. Elsewhere nothing may change."""
    named = [seq for seq in gone if log[seq - 1].user or log[seq - 1].email]
    calls = [log[seq - 1] for seq in named]
    keys = {before[seq] for seq in named} | {call.user for call in calls} | {f"email:{call.email}" for call in calls}
    return (keys | {call.visitor for call in calls} | {call.previous for call in calls}) - {None}


@settings(
    max_examples=3_000 if SOAK else 12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(log=logs(), which=st.integers(0, 9), surveyed=st.booleans())
def test_others_keep_exactly_theirs_and_a_retry_of_everything_brings_nothing_back(
    log: list[Event], which: int, surveyed: bool
) -> None:
    with TemporaryDirectory() as folder, closing(SqliteStore.open(f"{folder}/footfall.db")) as store:
        for name, space in SITES.items():
            store.put_site(make_site(name, ids=space))
        store.append(log)
        settle(store)
        before = whose(store)
        keys = sorted({customer for customer in before.values() if customer})
        if not keys:
            return
        key = keys[which % len(keys)]
        survey = (store.survey(key, AT),) if surveyed else ()
        store.erase(key, AT, *survey)

        after = whose(store)
        touched = touched_by([seq for seq in before.keys() - after.keys() if before[seq] != key], log, before)
        others = {seq: customer for seq, customer in before.items() if customer != key and seq in after}
        others = {
            seq: customer for seq, customer in others.items() if touched.isdisjoint({log[seq - 1].visitor, customer})
        }
        assert {seq: after[seq] for seq in others} == others
        outcomes = store.append(log)
        assert set(outcomes) <= {Outcome.DUPLICATE, Outcome.DROPPED}
        settle(store)
        assert whose(store) == after
        store.rebuild()
        assert whose(store) == after
