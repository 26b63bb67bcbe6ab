"""A walk that goes on where it left off says what a walk over all claims says, however late some of them come."""

from __future__ import annotations

import os
import random
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from conftest import make_site

from collector.event import Event, Trust
from collector.store.sqlite import courses, tenure
from collector.store.sqlite.store import SqliteStore

START = 1_780_000_000_000
EVENTS, ALL = 70, 10_000
SEEDS, SEEDS_OF_SOAK = range(15), range(15, 1_000)
SERVER = {"visitor": None, "trust": Trust.SERVER}
KINDS = [*["seen"] * 7, *["named"] * 6, *["out"] * 2, *["order"] * 3, *["told by two"] * 2, "linked", "refund"]
_SET = """
SELECT n, from_time, first.mid, to_time, stop.mid, value, why, strength, evidence.mid
FROM tenancies JOIN persons ON persons.id = tenancies.customer
JOIN events AS first ON first.seq = from_seq LEFT JOIN events AS stop ON stop.seq = to_seq
JOIN events AS evidence ON evidence.seq = evidence WHERE tenancies.deleted = 0 ORDER BY n
"""
_OTHERS = (
    "SELECT order_id, value FROM orders LEFT JOIN persons ON persons.id = orders.customer WHERE deleted = 0 ORDER BY 1",
    "SELECT value, first_seen, last_seen, ids FROM customers JOIN persons ON persons.id = customers.customer "
    " WHERE deleted = 0 ORDER BY 1",
    "SELECT first_time, last_time, last_seq, events, campaign FROM visits WHERE deleted = 0 ORDER BY 1, 2",
    "SELECT visitor, known, last_time FROM sightings",
)


def log(dice: random.Random) -> list[Event]:
    """One visitor's events, dense with claims, as they arrive: most in their order, some later, few much later."""
    late = dice.choice(((0, 0, 0, 0, 1, 2, 7, 40), (0,), (*[0] * 40, 1, 3)))
    people, gap = dice.choice((2, 3, 8)), dice.choice((1_000, 1_000, 900_000))
    kinds = dice.choice((KINDS, [kind for kind in KINDS if kind != "told by two"]))
    at, told, silent_from = START, [], EVENTS - dice.choice((0, 3, 8))
    for n in range(EVENTS):
        at += dice.choice((0, 1, gap, gap, 2 * gap))
        kind = dice.choice(kinds) if n < silent_from else "seen"
        told.append((n + dice.choice(late), n, call(n, at, kind, f"u{dice.randrange(people)}")))
    return [event for arrival, _, events in sorted(told, key=lambda each: each[:2]) for event in events]


def call(n: int, at: int, kind: str, user: str) -> list[Event]:
    fields: dict[str, Any] = {"type": "track", "name": "Tried", "trust": Trust.BROWSER, "visitor": "v"}
    order = f'{{"order_id":"{n}"}}'
    match kind:
        case "named":
            fields |= {"user": user}
        case "out":
            fields |= {"name": "Signed Out"}
        case "order":
            fields |= {"name": "Order Completed", "email": f"{user}@x.example", "properties": order}
        case "told by two":  # the thank-you page names the order alone, the back end whose it is
            fields |= {"name": "Order Completed", "properties": order}
            return [event(n, at, fields), event(n + 1_000, at + 1, fields | SERVER | {"user": user})]
        case "linked":
            fields |= {"type": "identify", "name": "", "user": user, "email": f"u{n % 4}@x.example"}
        case "refund":
            fields |= {"name": "Order Refunded", "properties": order}
    return [event(n, at, fields)]


def event(n: int, at: int, fields: dict[str, Any]) -> Event:
    return Event(site="shop", id=f"m{n * 7_919 % 9_973:05}", time=at, received=at, **fields)


def derived(store: SqliteStore) -> list[Any]:
    return [store._conn.execute(question).fetchall() for question in (_SET, *_OTHERS)]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_visitor_settled_claim_by_claim_is_as_if_settled_at_once(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    must_be_the_same(seed, tmp_path, monkeypatch)


@pytest.mark.soak
@pytest.mark.skipif("FOOTFALL_SOAK" not in os.environ, reason="long; make soak")
def test_very_many_visitors_settled_claim_by_claim_are_as_if_settled_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in SEEDS_OF_SOAK:
        (tmp_path / str(seed)).mkdir()
        must_be_the_same(seed, tmp_path / str(seed), monkeypatch)


def must_be_the_same(seed: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dice = random.Random(seed)
    arriving = log(dice)
    monkeypatch.setattr(courses, "KEPT", dice.choice((2, 3, ALL)))
    starts, batch = dice.choice((0, 0.2, 1)), dice.choice((1, 5))
    with closing(SqliteStore.open(str(folder / "footfall.db"))) as store:
        store.put_site(make_site())
        for begin in range(0, len(arriving), batch):
            if dice.random() < starts:
                store._projection.forget()  # as after a start
            store.append(arriving[begin : begin + batch])
            while store.follow(batch):
                pass
        by_and_by = derived(store)
        monkeypatch.setattr(courses, "KEPT", ALL)
        store.rebuild()
        assert by_and_by == derived(store)


# Steps of one visitor: a page, a log-in by that name, a log-out; after `~` the next visit, after `|` as after a start.
SCENES = {
    "logged in": "ann page | page ~ page ann",
    "logged out": "ann page out | page ~ page",
    "logged out and in again": "ann page out page ann | page ~ page",
    "somebody else came": "ann page bob | page ~ page ann",
    "more than one device has": "ann ~ bob ~ cem ~ dan ~ eve ~ fay | ~ page page",
}


@pytest.mark.parametrize("scene", SCENES)
def test_after_a_start_it_goes_on_as_before(scene: str, tmp_path: Path) -> None:
    with closing(SqliteStore.open(str(tmp_path / "footfall.db"))) as store:
        store.put_site(make_site())
        play(store, SCENES[scene])
        by_and_by = derived(store)
        store.rebuild()
        assert by_and_by == derived(store)


def test_who_is_known_to_hold_is_not_walked_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(SqliteStore.open(str(tmp_path / "footfall.db"))) as store:
        store.put_site(make_site())
        play(store, "ann page")
        monkeypatch.setattr(tenure.Tenure, "_begin", None)
        play(store, "| page ~ page ann page", after=10)
        assert store.stats()["set_aside"] == 0


def play(store: SqliteStore, scene: str, after: int = 0) -> None:
    at = START + after * 3_600_000
    for n, step in enumerate(scene.split(), start=after):
        at += 3_600_000 if step == "~" else 1_000
        if step == "|":
            store._projection.forget()
        elif step != "~":
            store.append(call(n, at, {"page": "seen", "out": "out"}.get(step, "named"), step))
            store.follow()
