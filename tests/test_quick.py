"""Look-ups that were quick lately are made on the event loop: with the same answers, and never for long."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import closing
from typing import Any

import pytest
from starlette.datastructures import State

from collector.errors import TooSlow
from collector.event import Event, Trust
from collector.store import ActivityPage, ActivityQuery
from collector.store.sqlite.readers import Readers
from collector.store.sqlite.store import SqliteStore
from collector.store.touched import Touched
from collector.web import quick, settled
from collector.web.lookups import Lookups
from collector.web.quick import KEPT_MAX, QUICK_S, Quick

ENDLESS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"


class Patient:
    """A writer from which nothing is to be waited for, until it says that everybody is touched."""

    def __init__(self) -> None:
        self.touched = Touched()
        self.settled = 0

    async def settle(self, *, surely: bool = False) -> None:
        self.touched = Touched()
        self.settled += 1


class Looking:
    """Looks up Ann, and remembers where that was read."""

    def __init__(self, store: SqliteStore) -> None:
        self.state = State({"store": store, "writer": Patient(), "lookups": Lookups(), "quick": Quick()})
        self.here: list[bool] = []
        self.endless_here = False
        self.limit = 1

    def look_up(self, times: int) -> list[ActivityPage]:
        async def ask() -> list[Any]:
            return [await settled.read_settled(self.state, "user:ann", self.read, self.limit) for _ in range(times)]

        return asyncio.run(ask())

    def read(self, limit: int) -> ActivityPage | None:
        self.here.append(threading.current_thread() is threading.main_thread())
        store: SqliteStore = self.state.store
        if self.endless_here and self.here[-1]:
            store._ask(lambda conn: conn.execute(ENDLESS))
        return store.activity("user:ann", ActivityQuery(limit=limit))


@pytest.fixture
def ann(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> Looking:
    """On a machine on which all is quick."""
    said: dict[str, Any] = {"type": "identify", "name": "", "visitor": "v1", "user": "ann"}
    store.append([Event(site="shop", trust=Trust.BROWSER, id="m1", time=1, received=1, **said)])
    while store.follow():
        pass
    monkeypatch.setattr(quick, "QUICK_S", 60.0)
    monkeypatch.setattr(settled, "QUICK_S_MAX", 60.0)
    return Looking(store)


def told(pages: list[ActivityPage]) -> list[list[str]]:
    return [[event.id for event in page.events] for page in pages]


def test_what_was_quick_is_looked_up_on_the_loop_the_next_time(ann: Looking) -> None:
    first, *others = ann.look_up(3)
    assert ann.here == [False, True, True]
    assert others == [first, first] and told([first]) == [["m1"]]


def test_what_takes_too_long_on_the_loop_is_looked_up_in_a_thread(
    ann: Looking, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann.look_up(1)
    ann.endless_here = True
    monkeypatch.setattr(settled, "QUICK_S_MAX", 0.5)
    assert told(ann.look_up(1)) == [["m1"]]
    assert ann.here == [False, True, False]


def test_what_was_slow_is_looked_up_in_a_thread_again(ann: Looking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quick, "QUICK_S", 0.0)
    assert told(ann.look_up(2)) == [["m1"], ["m1"]]
    assert ann.here == [False, False]


def test_what_is_asked_otherwise_was_not_quick_yet(ann: Looking) -> None:
    ann.look_up(1)
    ann.limit = 2
    assert told(ann.look_up(2)) == [["m1"], ["m1"]]
    assert ann.here == [False, False, True]


def test_what_is_waited_for_is_looked_up_once_it_is_there(ann: Looking) -> None:
    ann.look_up(1)
    ann.state.writer.touched = Touched(everybody=True)
    assert told(ann.look_up(1)) == [["m1"]]
    assert ann.state.writer.settled == 1
    assert ann.here == [False, True]


def test_only_what_was_quick_lately_is_looked_up_on_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s, known = 1_000.0, Quick()
    monkeypatch.setattr("time.monotonic", lambda: now_s)
    known.note("quick", QUICK_S)
    known.note("slow", QUICK_S * 1.01)
    assert [known.has(one) for one in ("quick", "slow", "never asked")] == [True, False, False]
    now_s += quick.FRESH_S
    assert not known.has("quick")
    known.note("quick", QUICK_S)
    known.note("quick", QUICK_S * 1.01)
    assert not known.has("quick")


def test_of_very_many_the_latest_are_known() -> None:
    known = Quick()
    for n in range(KEPT_MAX):
        known.note(n, QUICK_S)
    known.note(0, QUICK_S)
    known.note("one more", QUICK_S)
    assert [known.has(one) for one in (0, 1, 2, "one more")] == [True, False, True, True]


def test_a_snapshot_that_may_take_only_so_long_fails_and_the_next_one_is_whole(store: SqliteStore) -> None:
    for _ in range(2):
        with pytest.raises(TooSlow), store._readers.snapshot(0.001) as conn:
            conn.execute(ENDLESS)
        with store.snapshot(60.0):
            assert [site.name for site in store.sites()] == ["shop", "outlet"]
    assert [site.name for site in store.sites()] == ["shop", "outlet"]


def test_between_two_statements_it_is_looked_at_the_clock_too(store: SqliteStore) -> None:
    with pytest.raises(TooSlow), store.snapshot(0.0):
        store.sites()
    assert [site.name for site in store.sites()] == ["shop", "outlet"]


def test_a_lock_of_any_kind_is_not_waited_for(store: SqliteStore) -> None:
    recovering = sqlite3.OperationalError("database is locked")
    recovering.sqlite_errorcode = sqlite3.SQLITE_BUSY_RECOVERY
    with pytest.raises(TooSlow), store._readers.snapshot(60.0):
        raise recovering


def test_a_snapshot_that_may_take_only_so_long_waits_for_no_lock(store: SqliteStore) -> None:
    with closing(sqlite3.connect(store.path)) as other, closing(Readers(store.path)) as readers:
        store.close()  # nobody else has it open
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("CREATE TABLE another (a)")
        with pytest.raises(TooSlow), readers.snapshot(60.0) as conn:
            assert conn.execute("PRAGMA busy_timeout").fetchone() == (0,)
            conn.execute("SELECT * FROM sites")
