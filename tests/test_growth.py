"""What one more event costs does not grow with those that were there: neither of one visitor, however it behaves, nor
with names and visitors that are all different. Counted in steps of SQLite, which no busy machine changes."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from conftest import make_site

from collector.event import Campaign, Event, Trust
from collector.store import ActivityQuery
from collector.store.sqlite.store import SqliteStore

START = 1_780_000_000_000
SECOND, HOUR = 1_000, 3_600_000
BATCH = 100
# A batch early on, and one when there are six times as many events; B-trees grow a little deeper.
EARLY, LATE = 4, 24
GROWN_MAX = 1.35


def in_and_out(n: int) -> dict[str, Any]:
    acts: tuple[dict[str, Any], ...] = ({"name": "Signed In", "user": "A"}, {}, {"name": "Signed Out", "user": "A"}, {})
    return acts[n % 4]


Told = Callable[[int], dict[str, Any]]
STORIES: dict[str, Told] = {
    "nobody": lambda n: {},
    "a user id on each": lambda n: {"user": "A"},
    "a signed user id on each": lambda n: {"user": "A", "trust": Trust.SIGNED},
    "a user id on each, in any order within a moment": lambda n: {"user": "A", "time": START + n // 30},
    "in any order within a moment": lambda n: {"time": START + n // 30},
    "an identify on each page": lambda n: {"type": "identify", "name": "", "user": "A", "email": "a@x.example"},
    "logged in and out": in_and_out,
    "logged in and out, each in a visit of its own": lambda n: {**in_and_out(n), "time": START + n * HOUR},
    "two customers in turn": lambda n: {"user": "AB"[n // 10 % 2]},
    "a shared device": lambda n: {} if n % 2 else {"user": f"u{n % 7}"},
    "a shared device, visit for visit": lambda n: {
        "time": START + n * HOUR,
        "user": f"u{n % 7}" if n % 9 == 0 else None,
    },
    "a user id of its own on each": lambda n: {"user": f"u{n}"},
    "logged out long ago": lambda n: {"name": ("Signed In", "Signed Out")[n], "user": "A"} if n < 2 else {},
    "a campaign on each": lambda n: {"campaign": Campaign(source=f"s{n % 2}")},
    "a name on each": lambda n: {"name": f"Event {n}"},
    "a visitor on each": lambda n: {"visitor": f"v{n}"},
    "a back end's calls": lambda n: {"visitor": None, "user": "A", "trust": Trust.SERVER},
}


def event(n: int, dice: random.Random, told: dict[str, Any]) -> Event:
    fields = {
        "type": "track",
        "name": "Tried",
        "trust": Trust.BROWSER,
        "visitor": "v",
        "time": START + n * SECOND,
        **told,
    }
    return Event(site="shop", id=str(UUID(int=dice.getrandbits(128))), received=fields["time"], **fields)


@pytest.mark.parametrize("told", STORIES.values(), ids=STORIES)
def test_a_further_batch_costs_no_more_than_an_early_one(told: Told, tmp_path: Path) -> None:
    dice = random.Random(1)
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1

    costs: dict[int, int] = {}
    with closing(SqliteStore.open(str(tmp_path / "footfall.db"))) as store:
        store.put_site(make_site())
        for batch in range(LATE + 2):
            if batch in (EARLY, LATE):
                steps = 0
                store._conn.set_progress_handler(step, 10)
            store.append([event(n, dice, told(n)) for n in range(batch * BATCH, (batch + 1) * BATCH)])
            while store.follow(BATCH):
                pass
            if batch in (EARLY + 1, LATE + 1):
                store._conn.set_progress_handler(None, 0)
                costs[batch - 1] = steps
    assert costs[LATE] <= GROWN_MAX * costs[EARLY], costs


def test_opening_a_full_file_takes_no_more_steps_than_a_small_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that a collector asks of the file before it is ready."""
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1

    def connect(*arguments: Any, **named: Any) -> sqlite3.Connection:
        opened = dial(*arguments, **named)
        opened.set_progress_handler(step, 1)
        return opened

    dial = sqlite3.connect
    dice = random.Random(2)
    costs = []
    for events in (200, 6_000):
        path = tmp_path / f"{events}.db"
        with closing(SqliteStore.open(str(path))) as store:
            store.put_site(make_site())
            told = [{"user": f"u{n}", "visitor": f"v{n}", "name": f"Event {n % 200}"} for n in range(events)]
            store.append([event(n, dice, each) for n, each in enumerate(told)])
            while store.follow(500):
                pass
        monkeypatch.setattr("collector.store.sqlite.connection.sqlite3.connect", connect)
        steps = 0
        with closing(SqliteStore.open(str(path), create=False)) as store:
            store.sites(), store.tokens(), store.snippets(), store.vocabulary()
        monkeypatch.undo()
        costs.append(steps)
    assert 0 < costs[1] <= 1.1 * costs[0], costs


@pytest.mark.parametrize("asked", [ActivityQuery(limit=20), ActivityQuery(limit=20, event="Rare")], ids=["any", "rare"])
def test_what_a_back_end_says_of_very_many_orders_makes_no_page_dearer(tmp_path: Path, asked: ActivityQuery) -> None:
    """It names the order alone: whose it is, the order says."""
    costs = []
    for orders in (100, 1_200):
        with closing(SqliteStore.open(str(tmp_path / f"{orders}.db"))) as store:
            store.put_site(make_site())
            dice = random.Random(3)
            for n in range(orders):
                order: dict[str, Any] = {"trust": Trust.SERVER, "properties": f'{{"order_id":"{n}"}}', "visitor": None}
                made = event(n, dice, {**order, "name": "Order Completed", "user": "A"})
                told = [event(n, dice, {**order, "name": name}) for name in ("Order Shipped", "Order Delivered")]
                store.append([made, *told])
            while store.follow(500):
                pass
            steps = 0

            def step() -> None:
                nonlocal steps
                steps += 1

            with store.snapshot():
                conn = store._readers.conn()
                conn.set_progress_handler(step, 10)
                page = store.activity("A", asked)
                conn.set_progress_handler(None, 0)
            assert page is not None and len(page.events) == (20 if asked.event is None else 0)
            costs.append(steps)
    assert 0 < costs[1] <= (GROWN_MAX if asked.event is None else 12) * costs[0], costs
