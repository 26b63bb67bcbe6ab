"""The short way of a call answers as the long way does, and keeps the order of what comes on one connection."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from conftest import FIREFOX, SHOP, Collector, Start, make_site

from collector.app import build_app
from collector.config import read_settings
from collector.event import Event
from collector.store import Entry, Outcome
from collector.store.sqlite.store import SqliteStore
from collector.web.lookups import Lookups
from collector.web.short_way import TURN_CALLS_BESIDE_LOOKUPS_MAX, TURN_CALLS_MAX, short_way

CALL = {"writeKey": "wk_shop", "event": "Tried", "anonymousId": "v1"}
GOOD = json.dumps(CALL).encode()
AGENT = b"user-agent: Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0\r\n"
REQUESTS = {
    "a good call": (b"/v1/track", b"", GOOD),
    "from a page": (b"/v1/t", b"origin: %b\r\n" % SHOP.encode(), GOOD),
    "from a page that may not": (b"/v1/track", b"origin: https://evil.example\r\n", GOOD),
    "an unknown key": (b"/v1/track", b"", GOOD.replace(b"wk_shop", b"wk_none")),
    "no key": (b"/v1/track", b"origin: %b\r\n" % SHOP.encode(), b"{}"),
    "not JSON": (b"/v1/track", b"", b"{"),
    "no batch": (b"/v1/batch", b"", GOOD),
    "a refused item": (b"/v1/batch", b"", json.dumps({"writeKey": "wk_shop", "batch": [CALL, 7]}).encode()),
    "gzip": (b"/v1/track", b"content-encoding: gzip\r\n", gzip.compress(GOOD, mtime=0)),
    "broken gzip": (b"/v1/track", b"content-encoding: gzip\r\n", gzip.compress(GOOD, mtime=0)[:-9]),
    "too large": (b"/v1/track", b"", b" " * 600_000),
    "empty": (b"/v1/track", b"", b""),
    "a preflight's path": (b"/v1/i", b"", b'{"writeKey": "wk_shop", "userId": "42"}'),
}


def request(path: bytes, headers: bytes, body: bytes, end: bytes = b"") -> bytes:
    head = b"POST %b HTTP/1.1\r\nhost: x\r\n%b%b%bcontent-length: %d\r\n\r\n" % (path, AGENT, headers, end, len(body))
    return head + body


def hear(collector: Collector, *parts: bytes) -> bytes:
    port = int(collector.url.rpartition(":")[2])
    heard = b""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as line, suppress(ConnectionError):
        for part in parts:
            line.sendall(part)
        while more := line.recv(65_536):
            heard += more
    return heard


def told(heard: bytes) -> tuple[bytes, list[bytes], bytes]:
    """Status line, sorted headers without the date, body."""
    head, _, body = heard.partition(b"\r\n\r\n")
    status, *headers = head.split(b"\r\n")
    return status, sorted(line for line in headers if not line.startswith(b"date: ")), body


CLOSE = b"connection: close\r\n"


@pytest.mark.parametrize(("path", "headers", "body"), REQUESTS.values(), ids=REQUESTS)
def test_both_ways_answer_alike(collector: Collector, path: bytes, headers: bytes, body: bytes) -> None:
    short = hear(collector, request(path, headers, body, CLOSE))
    long = hear(collector, request(path + b"?long", headers, body, CLOSE))
    assert told(short) == told(long)
    assert short.startswith(b"HTTP/1.1 ")


def test_requests_that_come_at_once_are_answered_in_their_order(start: Start) -> None:
    collector = start(make_site())
    paths = [b"/v1/track", b"/v1/track?verbose=1", b"/nowhere", b"/v1/track", b"/v1/track"]
    bodies = [json.dumps(CALL | {"messageId": f"m{n}"}).encode() for n in range(len(paths))]
    bodies[3] = b"{"
    heard = hear(
        collector,
        b"".join(
            request(path, b"", body, CLOSE if n == len(paths) - 1 else b"")
            for n, (path, body) in enumerate(zip(paths, bodies, strict=True))
        ),
    )
    statuses = [part[:3] for part in heard.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [b"200", b"200", b"404", b"400", b"200"]
    assert sorted(collector.stored()) == ["m0", "m1", "m4"]


def test_a_body_in_many_pieces_is_one_body(start: Start) -> None:
    collector = start(make_site())
    body = json.dumps(CALL | {"messageId": "pieces", "properties": {"filler": "x" * 8_000}}).encode()
    whole = request(b"/v1/track", b"", body, CLOSE)
    pieces = [whole[at : at + 97] for at in range(0, len(whole), 97)]
    assert hear(collector, *pieces).startswith(b"HTTP/1.1 200 OK")
    assert collector.stored() == ["pieces"]


def test_http_1_0_and_expect_go_the_long_way(collector: Collector) -> None:
    old = request(b"/v1/track", b"", GOOD).replace(b"HTTP/1.1", b"HTTP/1.0")
    assert b" 200 OK" in hear(collector, old)
    asks = request(b"/v1/track", b"expect: 100-continue\r\n", GOOD, CLOSE)
    assert hear(collector, asks).startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")


def test_a_client_that_leaves_while_it_waits_harms_nobody(start: Start) -> None:
    collector = start(make_site())
    port = int(collector.url.rpartition(":")[2])
    for n in range(20):
        body = json.dumps(CALL | {"messageId": f"gone{n}"}).encode()
        with socket.create_connection(("127.0.0.1", port)) as line:
            line.sendall(request(b"/v1/track", b"", body))
    assert collector.post("/v1/track", CALL | {"messageId": "stays"}).status_code == 200
    assert "stays" in collector.stored()
    assert collector.stop() == 0


class Buggy(SqliteStore):
    def accept(self, events: Sequence[Event]) -> int | None:
        return None  # so that each is appended

    def append(self, entries: Sequence[Entry]) -> list[Outcome]:
        if any(isinstance(entry, Event) and entry.name == "Bug" for entry in entries):
            raise ValueError("secret detail")
        return super().append(entries)


@contextmanager
def served(app: Any, protocol: Any, keep_alive_s: int = 65) -> Iterator[int]:
    """The port of a server in a thread, until the end of the block."""
    config = uvicorn.Config(app, loop="uvloop", http=protocol, log_level="critical", timeout_keep_alive=keep_alive_s)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        running = pool.submit(server.run, [listener])
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            running.result()


def test_a_connection_that_rests_is_closed_in_its_time_and_no_sooner(tmp_path: Path) -> None:
    store = SqliteStore.open(str(tmp_path / "f.db"))
    store.put_site(make_site())
    app = build_app(read_settings({}, {}), store)
    short, long = request(b"/v1/track", b"", GOOD), request(b"/v1/track?long", b"", GOOD)
    orders = [short], [short, short, short, short], [long, short, long, short], [short, long, short, long]

    def ask_and_rest(port: int, order: Sequence[bytes]) -> bytes:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
            for sent in order:
                line.sendall(sent)
                assert line.recv(65_536).startswith(b"HTTP/1.1 200")
                time.sleep(1)  # all together longer than a rest may be: a timer of the first would ring meanwhile
            return line.recv(1)

    protocol = short_way(app.state.doors, app.state.lookups)
    with served(app, protocol, keep_alive_s=3) as port, ThreadPoolExecutor(len(orders)) as pool:
        ends = list(pool.map(ask_and_rest, [port] * len(orders), orders))
    store.close()
    assert ends == [b""] * len(orders)


def taken_in_turns(calls: int, broken: int | None = None, lookups: Lookups | None = None) -> list[object]:
    """The order in which calls that came at once are taken, and somebody who came just after them."""
    order: list[object] = []

    class Line:
        loop: asyncio.AbstractEventLoop

        def take(self, cycle: Any) -> None:
            order.append(cycle)
            if cycle == broken:
                raise ValueError("a bug")

    async def come_at_once() -> None:
        protocol: Any = short_way({}, lookups or Lookups())
        loop = Line.loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda *_: None)
        for n in range(calls):
            protocol.turns.wait(Line(), n)
        loop.call_soon(order.append, "a look-up")
        async with asyncio.timeout(10):
            while len(order) <= calls:
                await asyncio.sleep(0)

    asyncio.run(come_at_once())
    return order


def test_whoever_comes_meanwhile_need_not_wait_for_all_calls_that_came_at_once() -> None:
    calls = 3 * TURN_CALLS_MAX
    assert taken_in_turns(calls) == [*range(TURN_CALLS_MAX), "a look-up", *range(TURN_CALLS_MAX, calls)]


def test_while_something_is_looked_up_few_calls_are_taken_at_once_and_the_core_is_let_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    few, lookups, let_go = TURN_CALLS_BESIDE_LOOKUPS_MAX, Lookups(), []
    monkeypatch.setattr("os.sched_yield", lambda: let_go.append(True))
    with lookups.one(), lookups.one():
        assert taken_in_turns(4 * few, lookups=lookups) == [*range(few), "a look-up", *range(few, 4 * few)]
    assert len(let_go) == 4
    with pytest.raises(ValueError), lookups.one():
        raise ValueError
    assert taken_in_turns(4 * few, lookups=lookups) == [*range(4 * few), "a look-up"]
    lookups.come()  # what else than a call has arrived: the next turns are short, and then it has begun, or was none
    assert taken_in_turns(few, lookups=lookups) == [*range(few), "a look-up"]
    assert taken_in_turns(4 * few, lookups=lookups) == [*range(few), "a look-up", *range(few, 4 * few)]
    assert taken_in_turns(4 * few, lookups=lookups) == [*range(4 * few), "a look-up"]
    assert len(let_go) == 4


def test_a_bug_in_taking_one_call_keeps_no_other_waiting() -> None:
    assert taken_in_turns(40, broken=3) == [*range(4), "a look-up", *range(4, 40)]


def test_plain_posts_take_the_short_way_and_a_bug_is_500_without_details(tmp_path: Path) -> None:
    store = Buggy.open(str(tmp_path / "f.db"))
    store.put_site(make_site())
    app = build_app(read_settings({}, {}), store)
    taken: list[str] = []

    class Watched(short_way(app.state.doors, app.state.lookups)):  # type: ignore[misc]
        def take(self, cycle: Any) -> None:
            taken.append(self.url.decode())
            super().take(cycle)

    with served(app, Watched) as port:
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"user-agent": FIREFOX})
        answers = [client.post("/v1/track", content=json.dumps(CALL | {"event": name})) for name in ("Bug", "Fine")]
        client.post("/v1/track?long", content=GOOD)
        client.close()
    store.close()
    assert [answer.status_code for answer in answers] == [500, 200]
    assert answers[0].json() == {"error": {"code": "internal", "message": "something went wrong here; it was logged"}}
    assert taken == ["/v1/track", "/v1/track"]
