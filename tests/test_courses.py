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
from collector.store.sqlite import courses
from collector.store.sqlite.store import SqliteStore

START = 1_780_000_000_000
EVENTS, BATCH, ALL = 70, 5, 10_000
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
    at, told = START, []
    for n in range(EVENTS):
        at += dice.choice((0, 1, gap, gap, 2 * gap))
        told.append((n + dice.choice(late), n, call(n, at, dice.choice(kinds), f"u{dice.randrange(people)}")))
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
    with closing(SqliteStore.open(str(folder / "footfall.db"))) as store:
        store.put_site(make_site())
        for begin in range(0, len(arriving), BATCH):
            store.append(arriving[begin : begin + BATCH])
            while store.follow(BATCH):
                pass
        by_and_by = derived(store)
        monkeypatch.setattr(courses, "KEPT", ALL)
        store.rebuild()
        assert by_and_by == derived(store)
