"""The writer: what it promises to those who wait, when all is well and when it is not."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import make_site

from collector.errors import NotFound, Unavailable
from collector.event import Event, Trust
from collector.ingest.counts import Counts
from collector.ingest.launching import in_thread
from collector.ingest.lead import BEHIND_EVENTS
from collector.ingest.writer import Writer
from collector.store import Entry, Outcome, Store
from collector.store.sqlite.store import SqliteStore


def event(id: str, visitor: str = "v1") -> Event:
    return Event(
        site="shop", id=id, trust=Trust.BROWSER, type="track", name="Tried", time=1, received=1, visitor=visitor
    )


class Wilful(SqliteStore):
    """A real store whose disk can be made to fail or to hang, and that cannot bear one id."""

    failing = False
    go: threading.Event
    groups: list[int]

    def thread(self) -> str:
        return threading.current_thread().name

    def divide(self, one: int, other: int) -> int:
        return one // other

    def accept(self, events: Sequence[Event]) -> int | None:
        self.groups.append(len(events))
        self._try(events)
        return super().accept(events)

    def append(self, entries: Sequence[Entry]) -> list[Outcome]:
        self._try(entries)
        return super().append(entries)

    def _try(self, entries: Sequence[Entry]) -> None:
        self.go.wait(20)
        if self.failing:
            raise Unavailable("the disk is full")
        if any(isinstance(entry, Event) and entry.id == "bug" for entry in entries):
            raise ValueError("a bug")


@pytest.fixture
def store(tmp_path: Path) -> Any:
    store = Wilful.open(str(tmp_path / "w.db"))
    store.go, store.groups = threading.Event(), []
    store.go.set()
    store.put_site(make_site())
    yield store
    store.close()


async def started(store: Wilful, **limits: Any) -> Writer:
    writer = Writer(in_thread(store), **limits)
    await writer.start()
    return writer


def test_outcomes_come_back_to_the_request_that_they_belong_to(store: Wilful) -> None:
    async def scene() -> list[list[Outcome]]:
        writer = await started(store)
        futures = [writer.submit([event(f"a{n % 3}"), event(f"b{n}")], 10, exact=True) for n in range(6)]
        outcomes = await asyncio.gather(*futures)
        await writer.close()
        return outcomes

    stored, duplicate = Outcome.STORED, Outcome.DUPLICATE
    assert asyncio.run(scene()) == [[stored, stored]] * 3 + [[duplicate, stored]] * 3


def test_what_waits_while_the_disk_is_busy_shares_one_commit(store: Wilful) -> None:
    async def scene() -> None:
        writer = await started(store)
        store.go.clear()
        futures = [writer.submit([event("first")], 10)]
        await asyncio.sleep(0.1)
        futures += [writer.submit([event(f"e{n}")], 10) for n in range(50)]
        store.go.set()
        await asyncio.gather(*futures)
        await writer.close()

    asyncio.run(scene())
    assert store.groups == [1, 50]


@pytest.mark.parametrize(("waiting", "groups"), [(0, [1, 1, 1, 1, 1]), (BEHIND_EVENTS + 1, [1, 4])])
def test_while_much_waits_to_be_filed_calls_gather_and_share_a_commit(
    store: Wilful, monkeypatch: pytest.MonkeyPatch, waiting: int, groups: list[int]
) -> None:
    monkeypatch.setattr("collector.ingest.scribe.GATHER_S", 1.0)
    monkeypatch.setattr(store, "follow", lambda events_max: False)  # nothing is filed

    async def scene() -> None:
        writer = await started(store)
        if waiting:
            await writer.submit([event(f"w{n}") for n in range(waiting)], 10)
        await writer.submit([event("first")], 10)
        futures = []
        for n in range(4):
            futures.append(writer.submit([event(f"e{n}")], 10))
            await (asyncio.sleep(0.05) if waiting else futures[-1])
        assert await asyncio.gather(*futures) == [[Outcome.STORED]] * 4
        monkeypatch.undo()
        await writer.close()

    asyncio.run(scene())
    assert store.groups == [waiting][: bool(waiting)] + groups


@pytest.mark.parametrize("limits", [{"queue_events_max": 3}, {"queue_bytes_max": 30}])
def test_a_full_queue_refuses_at_once_and_takes_again_when_it_has_room(store: Wilful, limits: dict[str, int]) -> None:
    async def scene() -> None:
        writer = await started(store, **limits)
        store.go.clear()
        futures = [writer.submit([event(f"e{n}")], 10) for n in range(3)]
        with pytest.raises(Unavailable):
            writer.submit([event("too much")], 10)
        store.go.set()
        await asyncio.gather(*futures)
        assert (writer.queued_events, writer.queued_bytes) == (0, 0)
        assert await writer.submit([event("e4")], 10) == [Outcome.STORED]
        await writer.close()

    asyncio.run(scene())


def test_a_failing_disk_fails_the_whole_group_and_a_later_try_succeeds(store: Wilful) -> None:
    async def scene() -> list[Any]:
        writer = await started(store)
        store.failing = True
        futures = [writer.submit([event(f"e{n}")], 10) for n in range(3)]
        results = await asyncio.gather(*futures, return_exceptions=True)
        assert writer.failed_at_s is not None
        store.failing = False
        assert await writer.submit([event("e0")], 10) == [Outcome.STORED]
        assert writer.failed_at_s is None
        assert writer.queued_events == 0
        await writer.close()
        return results

    assert [type(result) for result in asyncio.run(scene())] == [Unavailable] * 3


def test_a_bug_in_one_request_fails_that_one_alone(store: Wilful) -> None:
    async def scene() -> list[Any]:
        writer = await started(store)
        store.go.clear()
        futures = [writer.submit([event(id)], 10) for id in ("a", "b", "bug", "c")]
        store.go.set()
        results = await asyncio.gather(*futures, return_exceptions=True)
        assert writer.alive
        await writer.close()
        return results

    results = asyncio.run(scene())
    assert [result for result in results if isinstance(result, list)] == [[Outcome.STORED]] * 3
    assert isinstance(results[2], ValueError)


def test_closing_writes_all_that_waits_and_refuses_what_comes_later(store: Wilful) -> None:
    async def scene() -> list[list[Outcome]]:
        writer = await started(store)
        store.go.clear()
        futures = [writer.submit([event(f"e{n}")], 10) for n in range(200)]
        closing = asyncio.create_task(writer.close())
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            writer.submit([event("late")], 10)
        store.go.set()
        await closing
        return await asyncio.gather(*futures)

    assert asyncio.run(scene()) == [[Outcome.STORED]] * 200


def test_settled_means_that_what_was_acknowledged_can_be_looked_up(store: Wilful) -> None:
    async def scene() -> None:
        writer = await started(store)
        for n in range(3):
            await writer.submit([event(f"e{n}", visitor=f"v{n}")], 10)
            await writer.settle()
            visits = store._conn.execute("SELECT count(*) FROM visits").fetchone()[0]
            assert visits == n + 1
        await writer.close()

    asyncio.run(scene())


def test_what_is_derived_follows_without_being_asked(store: Wilful) -> None:
    async def scene() -> None:
        writer = await started(store)
        await writer.submit([event("e1")], 10)
        async with asyncio.timeout(5):
            while writer.behind:
                await asyncio.sleep(0.01)
        await writer.close()

    asyncio.run(scene())
    assert store._conn.execute("SELECT count(*) FROM visits").fetchone()[0] == 1


def test_other_writing_work_is_done_where_the_log_is_written_and_its_errors_come_back(store: Wilful) -> None:
    async def scene() -> None:
        writer = await started(store)
        assert await writer.run(Wilful.thread) == "follower"
        with pytest.raises(ZeroDivisionError):
            await writer.run(Wilful.divide, 1, 0)
        with pytest.raises(NotFound, match="no customer 7"):
            await writer.run(Store.unlink, "7", "v1", 1)
        assert await writer.submit([event("e1")], 10) == [Outcome.STORED]
        await writer.close()

    asyncio.run(scene())


def test_a_client_that_went_away_harms_nobody_else_in_its_group(store: Wilful) -> None:
    async def scene() -> None:
        writer = await started(store)
        store.go.clear()
        gone, stays = writer.submit([event("gone")], 10), writer.submit([event("stays")], 10)
        gone.cancel()
        store.go.set()
        assert await stays == [Outcome.STORED]
        await writer.close()

    asyncio.run(scene())


def test_each_commit_is_counted_by_what_became_of_its_entries(store: Wilful) -> None:
    counts = Counts()

    async def scene() -> None:
        writer = await started(store, on_commit=counts.commit, on_filed=counts.filed)
        await writer.submit([event("a"), event("a")], 10)
        await writer.close()

    asyncio.run(scene())
    assert counts.stored == {("shop", "browser"): 1}
    assert counts.duplicates == {"shop": 1}
    assert counts.commit_entries.number == 1


def test_where_nothing_was_ever_accepted_nobody_waits(store: Wilful) -> None:
    async def scene() -> tuple[bool, bool, bool]:
        writer = await started(store)
        first = writer.touched.everybody
        await writer.settle(surely=True)
        told = first, writer.behind, writer.touched.everybody
        await writer.close()
        return told

    assert asyncio.run(scene()) == (True, False, False)


def test_who_settles_waits_for_what_an_earlier_start_has_left(store: Wilful) -> None:
    for n in range(50):
        assert store.accept([event(f"before-{n}-{m}", visitor=f"v{m}") for m in range(100)]) is not None

    async def scene() -> int:
        writer = await started(store)
        await writer.settle(surely=True)
        filed: int = store._conn.execute("SELECT count(*) FROM events").fetchone()[0]
        await writer.close()
        return filed

    assert asyncio.run(scene()) == 5_000
