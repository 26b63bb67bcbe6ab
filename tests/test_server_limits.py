"""Clients that are slow, long-winded or many: each is cut off with a clear answer, and nobody else notices."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

import pytest
import uvicorn
from conftest import Collector, make_site

from collector.app import build_app
from collector.config import read_settings
from collector.store.sqlite.store import SqliteStore
from collector.web.server import HEADER_BYTES_MAX, BoundedProtocol


class Hasty(BoundedProtocol):
    """The same with limits that a test can wait for."""

    request_s_max = 0.3
    connections_max = 3


@contextmanager
def serving(store: SqliteStore, protocol: type[BoundedProtocol]) -> Iterator[int]:
    app = build_app(read_settings({}, {}), store)
    server = uvicorn.Server(uvicorn.Config(app, loop="uvloop", http=protocol, log_level="warning"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    store = SqliteStore.open(str(tmp_path / "f.db"))
    store.put_site(make_site())
    with serving(store, Hasty) as port:
        yield port
    store.close()


def dial(port: int, first: bytes = b"") -> socket.socket:
    line = socket.create_connection(("127.0.0.1", port), timeout=10)
    line.sendall(first)
    return line


def hear(line: socket.socket, more: bytes = b"") -> bytes:
    """Send the rest; then all that comes until the other end closes."""
    heard = b""
    with line, suppress(ConnectionError):
        line.sendall(more)
        while part := line.recv(65_536):
            heard += part
    return heard


BODY = json.dumps({"writeKey": "wk_shop", "event": "Tried", "anonymousId": "v1"}).encode()
HEAD = b"POST /v1/track HTTP/1.1\r\nhost: x\r\nuser-agent: Mozilla/5.0 Firefox/153.0\r\n"
CALL = HEAD + b"content-length: %d\r\n\r\n" % len(BODY) + BODY


HALVES = {"headers": HEAD, "body": HEAD + b"content-length: 90\r\n\r\n{"}


@pytest.mark.parametrize("half", HALVES.values(), ids=HALVES)
def test_a_request_that_does_not_arrive_is_given_up_with_408(port: int, half: bytes) -> None:
    assert b"HTTP/1.1 408 " in hear(dial(port, half))


@pytest.mark.parametrize("half", HALVES.values(), ids=HALVES)
def test_a_second_request_that_does_not_arrive_spoils_not_the_answer_to_the_first(port: int, half: bytes) -> None:
    assert hear(dial(port, CALL + half)).startswith(b"HTTP/1.1 200 OK")


def test_a_connection_that_says_nothing_is_closed(port: int) -> None:
    assert hear(dial(port)) == b""


def test_bytes_that_trickle_do_not_extend_the_time(port: int) -> None:
    with dial(port, HEAD) as line:
        line.settimeout(0.02)
        for _ in range(500):
            line.sendall(b"x")
            with suppress(TimeoutError):
                assert line.recv(4_096).startswith(b"HTTP/1.1 408 ")
                return
    pytest.fail("it was let trickle for ten seconds")


def test_headers_over_the_limit_are_431_and_just_under_it_are_fine(port: int) -> None:
    fits = HEAD + b"x-long: " + b"a" * (HEADER_BYTES_MAX - 500) + b"\r\nconnection: close\r\n"
    assert b"200 OK" in hear(dial(port, fits + b"content-length: %d\r\n\r\n" % len(BODY) + BODY))
    assert b"HTTP/1.1 431 " in hear(dial(port, HEAD + b"x-long: "), b"a" * (HEADER_BYTES_MAX - 50))


def test_a_large_body_behind_small_headers_is_not_taken_for_headers(port: int) -> None:
    properties = {"filler": ["x" * 8_000] * 3}
    body = json.dumps({"writeKey": "wk_shop", "event": "T", "anonymousId": "v1", "properties": properties}).encode()
    body = json.dumps({"writeKey": "wk_shop", "batch": [json.loads(body) | {"type": "track"}] * 6}).encode()
    assert len(body) > 2 * HEADER_BYTES_MAX
    request = HEAD.replace(b"track", b"batch") + b"connection: close\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    assert b"200 OK" in hear(dial(port, request))


def test_connections_over_the_limit_are_503_and_the_others_go_on(port: int) -> None:
    open_ones = [dial(port, CALL) for _ in range(Hasty.connections_max)]
    for one in open_ones:
        assert b"200 OK" in one.recv(4_096)
    heard = hear(dial(port))
    assert b"HTTP/1.1 503 " in heard
    assert b"retry-after: 1" in heard
    open_ones[0].sendall(CALL)
    assert b"200 OK" in open_ones[0].recv(4_096)
    for one in open_ones:
        one.close()


def test_the_real_collector_serves_by_it(collector: Collector) -> None:
    port = int(collector.url.rpartition(":")[2])
    assert b"HTTP/1.1 431 " in hear(dial(port, HEAD + b"x-long: "), b"a" * (HEADER_BYTES_MAX - 50))
