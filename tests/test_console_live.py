"""Live: what shows, how it arrives, and how a stream ends: over a real file, and over real uvicorn."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, aclosing, closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import uvicorn
from conftest import FIREFOX, READER, Collector, Start, footfall, make_site
from console import Clock, Console, a_console, console_settings, read, words

from collector.app import build_app
from collector.event import MINUTE_MS, Campaign, Event, Setup, Trust
from collector.store.sqlite.store import SqliteStore
from collector.web.console import broadcast as broadcasting
from collector.web.console import live
from collector.web.console.broadcast import (
    ARRIVALS_MAX,
    FIRST_MAX,
    NEWS_MAX,
    WAITING_MAX,
    WATCHERS_A_SESSION_MAX,
    WATCHERS_MAX,
    Broadcast,
    Bulletin,
    TooMany,
    Watcher,
)
from collector.web.console.signin import new_link

NOW = time.time_ns() // 1_000_000
TELL_S_MAX = 20  # a loaded machine is slow; a test that waits so long has failed


def event(n: int | str, **fields: Any) -> Event:
    told: dict[str, Any] = {
        "site": "shop",
        "type": "page",
        "name": "",
        "trust": Trust.BROWSER,
        "visitor": "v",
        "time": NOW,
    }
    told |= fields
    return Event(id=f"m{n}", received=told["time"], **told)


# The page ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def console(tmp_path: Path, store: SqliteStore) -> Iterator[Console]:
    with a_console(tmp_path, store) as one:
        yield one


def rows(console: Console, query: str = "") -> list[str]:
    return [words(row) for row in console.page(f"/console/live{query}").select("tbody tr")]


def test_the_page_shows_the_last_events_newest_first_and_goes_on_from_there(console: Console) -> None:
    console.store.append([event(n, title=f"Page {n}") for n in range(FIRST_MAX + 5)])
    shown = rows(console)
    assert len(shown) == FIRST_MAX
    assert f"Opened the page Page {FIRST_MAX + 4}" in shown[0]
    assert "Opened the page Page 5" in shown[-1]
    body = console.page("/console/live?site=shop").select_one("tbody")
    assert body is not None
    assert body["data-live"] == f"/console/live/events?site=shop&after={FIRST_MAX + 5}"


def test_a_row_says_what_who_where_on_what_and_from_where(console: Console) -> None:
    firefox = Setup(device="desktop", browser="Firefox", os="Linux")
    came = {"channel": "search", "referrer": "https://www.google.com/search"}
    console.store.append(
        [
            event(1, url="https://shop.example/boots", title="Boots", setup=firefox, **came),
            event(2, type="track", name="Product Added", properties='{"name":"Red boots","quantity":2}', time=NOW + 1),
            event(3, type="identify", user="42", visitor="w", properties='{"name":"Jane Doe"}'),
            event(4, visitor="0189-mail", campaign=Campaign(source="news", medium="email", name="may")),
            event(5, visitor=None, user="7", type="track", name="Order Shipped", trust=Trust.SERVER),
        ]
    )
    page = console.page("/console/live")
    by_id = {row["id"]: words(row) for row in page.select("tbody tr")}
    assert "Visitor v Firefox on Linux Opened the page Boots /boots Search (google.com)" in by_id["e1"]
    assert "Added 2 × Red boots to the cart Search (google.com)" in by_id["e2"]
    assert "Jane Doe Told who they are: name" in by_id["e3"]
    assert "Visitor 9-mail" in by_id["e4"] and "may (news, email)" in by_id["e4"]
    assert "7 Order was shipped" in by_id["e5"]
    links = {str(link["href"]) for link in page.select(".live-who a")}
    assert links == {f"/console/customers/{key}" for key in ("visitor%3Av", "42", "visitor%3A0189-mail", "7")}


def test_what_visitors_sent_is_text_and_nothing_else(console: Console) -> None:
    hostile = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    console.store.append(
        [
            event(1, title=hostile, url="javascript:alert(1)", visitor=hostile),
            event(2, type="identify", user=hostile, properties=json.dumps({"name": hostile}), visitor="w"),
            event(3, setup=Setup(browser=hostile), campaign=Campaign(source=hostile), visitor="x"),
        ]
    )
    page = console.page("/console/live")
    assert len(page.select("tbody tr")) == 3
    assert not page.select("tbody script, tbody img")
    assert all(str(link["href"]).startswith("/console/") for link in page.select("tbody a"))


def test_one_site_or_all_of_them(console: Console) -> None:
    console.store.append([event(1, title="One"), event(2, title="Two", site="outlet", visitor="w")])
    assert ["Two" in row for row in rows(console)] == [True, False]
    assert ["One" in row for row in rows(console, "?site=shop")] == [True]
    assert "outlet" in rows(console)[0]
    assert console.client.get("/console/live?site=nowhere").status_code == 404


def test_people_of_the_last_five_minutes_are_counted(console: Console) -> None:
    at = console.clock.ms
    console.store.append(
        [
            event(1, time=at - 6 * MINUTE_MS, visitor="gone"),
            event(2, time=at - 4 * MINUTE_MS, visitor="a"),
            event(3, time=at - 1, visitor="b", site="outlet"),
        ]
    )
    assert "2 visitors in the last 5 minutes" in words(console.page("/console/live"))
    assert "1 visitor in the last 5 minutes" in words(console.page("/console/live?site=shop"))


def test_an_empty_shop_says_so_and_shows_where_to_begin(console: Console) -> None:
    page = console.page("/console/live")
    assert "Nothing has come yet" in words(page)
    assert page.select_one("[data-live-empty]:not([hidden]) a[href='/console/install']")
    assert page.select_one("[data-live-table][hidden]")


def test_only_who_is_signed_in_may_watch_and_a_token_is_not_enough(console: Console) -> None:
    stranger = console.stranger()
    assert stranger.get("/console/live").status_code == 303
    for path in ("/console/live", "/console/live/events"):
        answer = stranger.get(path, headers={"authorization": f"Bearer {READER}", "accept": "text/event-stream"})
        assert answer.status_code == 401


def test_a_screen_reader_is_told_a_summary_and_not_each_row(console: Console) -> None:
    page = console.page("/console/live")
    (spoken,) = page.select("[aria-live]")
    assert spoken["aria-live"] == "polite"
    assert not spoken.select("table")
    assert not page.select("table[aria-live], tbody[aria-live], [role=log]")


# The broadcast -----------------------------------------------------------------------------------------------------


async def nothing() -> None:
    """What is derived has caught up already."""


class Watching:
    """One watcher in a test: what it has been told so far."""

    def __init__(self, broadcast: Broadcast, watcher: Watcher) -> None:
        self.broadcast, self.watcher = broadcast, watcher
        self.seqs: list[int] = []
        self.more = 0
        self._bulletins = broadcast.bulletins(watcher, TELL_S_MAX)

    async def next(self) -> Bulletin:
        told = await anext(self._bulletins)
        assert told is not None, "nothing came"
        self.seqs += [each.seq for each in told.news]
        self.more += told.more
        return told

    async def until(self, wanted: Callable[[Bulletin], bool]) -> Bulletin:
        async with asyncio.timeout(TELL_S_MAX):
            while not wanted(told := await self.next()):
                pass
        return told


def run(store: SqliteStore, play: Callable[[Broadcast], Awaitable[None]], settle: Any = nothing) -> None:
    async def whole() -> None:
        broadcast = Broadcast(store, settle, lambda: NOW)
        try:
            await play(broadcast)
        finally:
            broadcast.close()

    asyncio.run(whole())


def tell(store: SqliteStore, broadcast: Broadcast, *events: Event) -> None:
    store.append(events)
    while store.follow():
        pass
    broadcast.commit()


def test_who_watches_is_told_what_comes_once_and_in_order(store: SqliteStore) -> None:
    async def play(broadcast: Broadcast) -> None:
        tell(store, broadcast, event("before"))
        one = Watching(broadcast, broadcast.join(None, 1, "s"))
        first = await one.next()
        assert (first.news, first.more, first.latest) == ((), 0, 1)
        for n in range(3):
            tell(store, broadcast, event(2 * n), event(2 * n + 1))
            await one.until(lambda told: bool(told.news))
        assert one.seqs == [2, 3, 4, 5, 6, 7]

    run(store, play)


def test_whoever_comes_back_is_told_what_came_meanwhile(store: SqliteStore) -> None:
    async def play(broadcast: Broadcast) -> None:
        tell(store, broadcast, *(event(n) for n in range(FIRST_MAX + 20)))
        one = Watching(broadcast, broadcast.join(None, 10, "s"))
        told = await one.next()
        assert one.seqs == list(range(21, FIRST_MAX + 21))
        assert (told.more, told.at_least, told.latest) == (10, False, FIRST_MAX + 20)
        other = Watching(broadcast, broadcast.join(None, FIRST_MAX + 18, "s"))
        told = await other.next()
        assert other.seqs == [FIRST_MAX + 19, FIRST_MAX + 20]
        # Whose the rows are that the page shows already may have changed since it was made.
        assert len(told.retold) == FIRST_MAX - 2

    run(store, play)


def test_a_flood_is_told_by_its_newest_and_by_a_number(store: SqliteStore) -> None:
    async def play(broadcast: Broadcast) -> None:
        one = Watching(broadcast, broadcast.join(None, 0, "s"))
        await one.next()
        tell(store, broadcast, *(event(n, visitor=None) for n in range(NEWS_MAX + 80)))
        told = await one.until(lambda told: bool(told.news))
        assert [each.seq for each in told.news] == list(range(81, 81 + NEWS_MAX))
        assert (told.more, told.at_least) == (80, False)

    run(store, play)


def test_a_flood_beyond_counting_is_more_than_so_many(store: SqliteStore) -> None:
    async def play(broadcast: Broadcast) -> None:
        one = Watching(broadcast, broadcast.join(None, 0, "s"))
        await one.next()
        store.append([event(n, visitor=None) for n in range(ARRIVALS_MAX + 1)])
        broadcast.commit()
        told = await one.until(lambda told: bool(told.news))
        assert (told.more, told.at_least) == (ARRIVALS_MAX - NEWS_MAX, True)
        again = Watching(broadcast, broadcast.join(None, 0, "s"))
        told = await again.next()
        assert (told.more, told.at_least) == (ARRIVALS_MAX - FIRST_MAX, True)

    run(store, play)


def test_a_busy_site_does_not_drown_a_quiet_one(store: SqliteStore) -> None:
    async def play(broadcast: Broadcast) -> None:
        quiet = Watching(broadcast, broadcast.join("outlet", 0, "s"))
        every = Watching(broadcast, broadcast.join(None, 0, "s"))
        await quiet.next()
        await every.next()
        tell(store, broadcast, event("q", site="outlet"), *(event(n) for n in range(3 * NEWS_MAX)))
        told = await quiet.until(lambda told: bool(told.news))
        assert ([each.site for each in told.news], told.more) == (["outlet"], 0)
        told = await every.until(lambda told: bool(told.news))
        assert (len(told.news), told.more) == (NEWS_MAX, 2 * NEWS_MAX + 1)

    run(store, play)


def test_a_log_in_while_one_watches_gives_earlier_rows_their_name(store: SqliteStore) -> None:
    async def play(broadcast: Broadcast) -> None:
        tell(store, broadcast, event("page"))
        one = Watching(broadcast, broadcast.join(None, 0, "s"))
        told = await one.next()
        assert [(each.seq, each.customer) for each in told.news] == [(1, None)]
        tell(store, broadcast, event(2, time=NOW + 1))
        await one.until(lambda told: bool(told.news))
        tell(store, broadcast, event(3, type="identify", user="42", properties='{"name":"Jane"}', time=NOW + 2))
        told = await one.until(lambda told: bool(told.retold))
        assert {(each.seq, each.customer, each.called) for each in told.retold} == {
            (1, "42", "Jane"),
            (2, "42", "Jane"),
        }
        assert [(each.seq, each.called) for each in told.news] == [(3, "Jane")]
        name = event(4, visitor=None, user="42", type="identify", properties='{"name":"Jane Doe"}', trust=Trust.SERVER)
        tell(store, broadcast, name)
        told = await one.until(lambda told: bool(told.retold))
        assert {each.called for each in told.retold} == {"Jane Doe"}
        store.unlink("42", "v", NOW + 3)
        told = await one.until(lambda told: bool(told.retold))
        assert {(each.seq, each.customer) for each in told.retold} >= {(1, None), (2, None)}

    run(store, play)


def test_what_is_erased_while_one_watches_is_taken_back(store: SqliteStore) -> None:
    async def play(broadcast: Broadcast) -> None:
        tell(store, broadcast, event(1, type="identify", user="42"), event(2, visitor="other"))
        one = Watching(broadcast, broadcast.join(None, 0, "s"))
        await one.next()
        store.erase("42", NOW + 1)
        assert (await one.until(lambda told: bool(told.gone))).gone == (1,)

    run(store, play)


def test_people_are_counted_again_as_they_come(store: SqliteStore) -> None:
    async def play(broadcast: Broadcast) -> None:
        one = Watching(broadcast, broadcast.join("shop", 0, "s"))
        assert (await one.next()).present == 0
        tell(store, broadcast, event(1), event(2, visitor="w"), event(3, visitor="x", site="outlet"))
        assert (await one.until(lambda told: bool(told.news))).present == 2

    run(store, play)


def test_what_another_process_writes_is_told_too(store: SqliteStore) -> None:
    async def play(broadcast: Broadcast) -> None:
        one = Watching(broadcast, broadcast.join(None, 0, "s"))
        await one.next()
        with closing(SqliteStore.open(store.path)) as other:
            other.append([event(1)])
        await one.until(lambda told: bool(told.news))
        assert one.seqs == [1]

    run(store, play)


def test_a_slow_watcher_loses_nothing_and_is_told_nothing_twice(store: SqliteStore) -> None:
    async def play(broadcast: Broadcast) -> None:
        slow = Watching(broadcast, broadcast.join(None, 0, "s"))
        quick = Watching(broadcast, broadcast.join(None, 0, "s"))
        await slow.next()
        await quick.next()
        for n in range(WAITING_MAX + 2):
            tell(store, broadcast, *(event(f"{n}-{k}") for k in range(10)))
            await quick.until(lambda told: bool(told.news))
        last = 10 * (WAITING_MAX + 2)
        await slow.until(lambda told: told.latest == last)
        assert slow.seqs == sorted(set(slow.seqs))
        assert len(slow.seqs) + slow.more == last
        assert quick.seqs == list(range(1, last + 1))

    run(store, play)


def test_joining_at_any_moment_makes_neither_gaps_nor_doubles(store: SqliteStore) -> None:
    stop = threading.Event()

    def pour() -> None:
        with closing(SqliteStore.open(store.path)) as other:
            n = 0
            while not stop.is_set() and 3 * (n + 1) < ARRIVALS_MAX:
                other.append([event(f"{n}-{k}") for k in range(3)])
                n += 1
                stop.wait(0.02)

    async def play(broadcast: Broadcast) -> None:
        pouring = threading.Thread(target=pour)
        pouring.start()
        try:
            watching = []
            for site in (None, "shop", None):
                watching.append(Watching(broadcast, broadcast.join(site, 0, "s")))
                for one in watching:
                    await one.next()
                    await one.next()
        finally:
            stop.set()
            pouring.join()
        last = store.arrivals(0, 1)[0].seq
        for one in watching:
            if one.watcher.after < last:
                await one.until(lambda told: told.latest == last)
            assert one.seqs == sorted(set(one.seqs))
            assert len(one.seqs) + one.more == last

    run(store, play)


def test_a_stream_from_before_a_restored_backup_goes_on(store: SqliteStore) -> None:
    async def play(broadcast: Broadcast) -> None:
        one = Watching(broadcast, broadcast.join(None, 10**15, "s"))
        assert (await one.next()).latest == 0
        tell(store, broadcast, event(1))
        await one.until(lambda told: bool(told.news))
        assert one.seqs == [1]

    run(store, play)


def test_so_many_may_watch_and_no_more(store: SqliteStore) -> None:
    async def play(broadcast: Broadcast) -> None:
        mine = [broadcast.join(None, 0, "mine") for _ in range(WATCHERS_A_SESSION_MAX)]
        with pytest.raises(TooMany, match="close one"):
            broadcast.join(None, 0, "mine")
        others = [broadcast.join(None, 0, f"s{n}") for n in range(WATCHERS_MAX - WATCHERS_A_SESSION_MAX)]
        with pytest.raises(TooMany, match="open already"):
            broadcast.join(None, 0, "one more")
        broadcast.leave(others[0])
        with pytest.raises(TooMany):
            broadcast.join(None, 0, "mine")
        broadcast.leave(mine[0])
        broadcast.join(None, 0, "mine")

    run(store, play)


def test_who_signs_out_is_sent_away_and_nobody_else(store: SqliteStore) -> None:
    async def play(broadcast: Broadcast) -> None:
        mine, other = (broadcast.join(None, 0, session) for session in ("mine", "other"))
        broadcast.end("mine")
        async with asyncio.timeout(TELL_S_MAX):
            assert [told async for told in broadcast.bulletins(mine, TELL_S_MAX)] == []
        assert not other.ended
        broadcast.close()
        assert other.ended
        with pytest.raises(TooMany):
            broadcast.join(None, 0, "late")

    run(store, play)


def test_silence_is_told_so_that_no_proxy_takes_it_for_the_end(store: SqliteStore) -> None:
    async def play(broadcast: Broadcast) -> None:
        bulletins = broadcast.bulletins(broadcast.join(None, 0, "s"), 0.01)
        async with asyncio.timeout(TELL_S_MAX), aclosing(bulletins) as told:  # type: ignore[type-var]
            assert await anext(told) is not None
            while await anext(told) is not None:
                pass

    run(store, play)


def test_news_wait_for_what_is_derived_but_not_for_ever(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broadcasting, "SETTLE_S_MAX", 0.01)

    async def never() -> None:
        await asyncio.Event().wait()

    async def broken() -> None:
        raise LookupError("what is derived cannot follow")

    async def play(broadcast: Broadcast) -> None:
        one = Watching(broadcast, broadcast.join(None, 0, "s"))
        await one.next()
        n = store.arrivals(0, 1)
        tell(store, broadcast, event(len(n)))
        await one.until(lambda told: bool(told.news))

    run(store, play, never)
    run(store, play, broken)


def test_a_fault_of_the_disk_does_not_end_the_watching(store: SqliteStore) -> None:
    async def play(broadcast: Broadcast) -> None:
        one = Watching(broadcast, broadcast.join(None, 0, "s"))
        await one.next()
        with closing(sqlite3.connect(store.path, isolation_level=None)) as conn:
            conn.execute("ALTER TABLE customers RENAME TO lost")
            store.append([event(1)])
            broadcast.commit()
            await asyncio.sleep(0.5)
            conn.execute("ALTER TABLE lost RENAME TO customers")
        await one.until(lambda told: bool(told.news))
        assert one.seqs == [1]

    run(store, play)


def test_nothing_is_read_while_nobody_watches(store: SqliteStore) -> None:
    async def play(broadcast: Broadcast) -> None:
        before = asyncio.all_tasks()
        broadcast.commit()
        watcher = broadcast.join(None, 0, "s")
        assert len(asyncio.all_tasks()) == len(before) + 1
        broadcast.leave(watcher)
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == before

    run(store, play)


# The stream, over real uvicorn --------------------------------------------------------------------------------------


class Stream:
    """Server-sent events as a browser reads them."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self.last_id = ""
        self._lines = answer.iter_lines()

    def next(self) -> tuple[str, Any]:
        """(name, data) of the next event; comments are passed over. Raises StopIteration at the end."""
        name, told = "message", None
        while True:
            line = next(self._lines)
            field, _, value = line.partition(": ")
            if field == "event":
                name = value
            elif field == "id":
                self.last_id = value
            elif field == "data":
                told = json.loads(value) if value.startswith("{") else value
            elif not line and told is not None:
                return name, told

    def until_rows(self) -> Any:
        while "rows" not in (told := self.next()[1]):
            pass
        return told


def signed_in(one: Collector) -> httpx.Client:
    link = footfall("signin-link", "--url", one.url, db=one.db).stdout
    secret = parse_qs(urlsplit(next(word for word in link.split() if "link=" in word)).query)["link"][0]
    client = httpx.Client(base_url=one.url, timeout=TELL_S_MAX)
    answer = client.post("/console/signin", data={"link": secret, "next": ""}, headers={"origin": one.url})
    assert answer.status_code == 303, answer.text
    return client


@contextmanager
def streaming(client: httpx.Client, after: int = 0, **headers: str) -> Iterator[Stream]:
    path = f"/console/live/events?after={after}"
    with client.stream("GET", path, headers={"accept": "text/event-stream", **headers}) as answer:
        assert answer.status_code == 200, answer.read()
        yield Stream(answer)


def page_view(n: int) -> dict[str, Any]:
    page = {"url": f"https://shop.example/{n}", "title": f"Page {n}"}
    return {"type": "page", "anonymousId": "v", "messageId": f"m{n}", "context": {"page": page}, "writeKey": "wk_shop"}


def test_an_event_that_was_acknowledged_shows_within_a_second(start: Start) -> None:
    one = start(make_site())
    with closing(signed_in(one)) as client, streaming(client) as stream:
        headers = stream.answer.headers
        assert headers["content-type"].startswith("text/event-stream")
        assert headers["x-accel-buffering"] == "no"
        assert "no-store" in headers["cache-control"]
        stream.next()
        waits = []
        for n in range(3):
            assert one.post("/v1/page", page_view(n)).status_code == 200
            sent_s = time.monotonic()
            assert f"Page {n}" in stream.until_rows()["rows"]
            waits.append(time.monotonic() - sent_s)
            assert stream.last_id == str(n + 1)
        assert min(waits) < 1
    with closing(signed_in(one)) as client, streaming(client, 3, **{"last-event-id": "1"}) as stream:
        told = stream.next()[1]["rows"]
        assert ["Page 0" in told, "Page 1" in told, "Page 2" in told] == [False, True, True]


def test_who_watches_sees_a_visitor_become_a_customer(start: Start) -> None:
    one = start(make_site())
    with closing(signed_in(one)) as client, streaming(client) as stream:
        stream.next()
        one.post("/v1/page", page_view(1))
        assert "Visitor v" in stream.until_rows()["rows"]
        named = {"type": "identify", "anonymousId": "v", "userId": "42", "traits": {"name": "<b>Jane</b>"}}
        one.post("/v1/identify", {**named, "writeKey": "wk_shop"})
        while "who" not in (told := stream.next()[1]):
            pass
        assert "&lt;b&gt;Jane&lt;/b&gt;" in told["who"]["1"]
        assert "/console/customers/42" in told["who"]["1"]


def test_a_stop_of_the_server_ends_streams_at_once(start: Start) -> None:
    one = start(make_site())
    with closing(signed_in(one)) as client, streaming(client) as first, streaming(client) as second:
        first.next()
        second.next()
        began_s = time.monotonic()
        assert one.stop() == 0
        assert time.monotonic() - began_s < 15  # the grace for answers under way is 30
        with pytest.raises(StopIteration):
            while True:
                first.next()


def test_signing_out_elsewhere_ends_the_stream_and_says_why(start: Start) -> None:
    one = start(make_site())
    with closing(signed_in(one)) as client, streaming(client) as stream:
        stream.next()
        token = read(client.get("/console/live")).select_one("meta[name=csrf-token]")
        assert token is not None
        out = client.post("/console/signout", data={"csrf": token["content"]}, headers={"origin": one.url})
        assert out.status_code == 303
        while (told := stream.next())[0] != "end":
            pass
        assert told == ("end", "signed out")
        with pytest.raises(StopIteration):
            stream.next()


def test_one_view_too_many_is_told_so(start: Start) -> None:
    one = start(make_site())
    with closing(signed_in(one)) as client, ExitStack() as opened:
        views = [opened.enter_context(streaming(client)) for _ in range(WATCHERS_A_SESSION_MAX)]
        for view in views:
            view.next()
        refused = client.get("/console/live/events")
        assert refused.status_code == 429
        assert "close one of them" in refused.text
        assert refused.headers["retry-after"] == "30"
        views[0].answer.close()
        deadline_s = time.monotonic() + TELL_S_MAX
        status = 429
        while status == 429:
            assert time.monotonic() < deadline_s, "a view that was closed still counts"
            with client.stream("GET", "/console/live/events") as answer:
                status = answer.status_code
        assert status == 200


def test_a_session_that_ran_out_ends_the_stream(
    tmp_path: Path, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "HEARTBEAT_S", 0.05)
    monkeypatch.setattr(live, "RECHECK_S", 0.05)
    clock = Clock()
    app = build_app(console_settings(store.path), store)
    app.state.clock_ms = clock
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", timeout_graceful_shutdown=5))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        with httpx.Client(base_url=url, timeout=TELL_S_MAX, headers={"user-agent": FIREFOX}) as client:
            secret = parse_qs(urlsplit(new_link(store, url, clock.ms)).query)["link"][0]
            fields = {"link": secret, "next": ""}
            assert client.post("/console/signin", data=fields, headers={"origin": url}).status_code == 303
            with streaming(client) as stream:
                stream.next()
                clock.ms += 13 * 60 * MINUTE_MS
                while (told := stream.next())[0] != "end":
                    pass
                assert told[1] == "signed out"
    finally:
        server.should_exit = True
        thread.join()
