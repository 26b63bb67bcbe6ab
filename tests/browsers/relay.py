"""A line between browser and collector that writes down what passes, and that can be cut.

What enters: the collector's address. What leaves: the same HTTP, unchanged, and the list of exchanges. It stands in no
engine, so it hears a request of a page that is closing in all of them alike.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

from browsers.serving import Server

HOP = {"connection", "keep-alive", "transfer-encoding", "host"}
STORED = 200


@dataclass
class Exchange:
    """One request that reached the line, and what was answered: 0 where nothing was, -1 where the answer was lost."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    status: int = 0
    at: float = field(default_factory=time.monotonic)

    @property
    def calls(self) -> list[dict[str, Any]]:
        """The calls in its body, in their order."""
        if self.method != "POST" or not self.path.startswith("/v1/"):
            return []
        calls: list[dict[str, Any]] = json.loads(self.body).get("batch", [])
        return calls


class Relay:
    """The collector's address as the pages know it."""

    def __init__(self, collector: str) -> None:
        self.exchanges: list[Exchange] = []
        self.changed = threading.Condition()
        self._fault: tuple[str, int, dict[str, str]] = ("", 0, {})
        self._held = ""
        self._open = threading.Event()
        self._open.set()
        self.turned_away = 0  # connections that were tried while the line was cut
        self._is_cut = False
        self._lines: set[socket.socket] = set()
        relay, upstream = self, urlsplit(collector).netloc

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle(self) -> None:
                try:
                    if relay._admits(self.connection):
                        super().handle()
                finally:
                    relay._lines.discard(self.connection)

            def _pass(self) -> None:
                relay._pass(self, upstream)

            do_GET = do_POST = do_OPTIONS = do_HEAD = do_DELETE = _pass

            def log_message(self, *_: object) -> None:
                """Tests read `exchanges`."""

        self._server = Server(Handler)
        self.url = self._server.url

    @contextmanager
    def down(self) -> Iterator[None]:
        """The collector cannot be reached: connections end without an answer."""
        with self._faulty("down"):
            yield

    @contextmanager
    def cut(self) -> Iterator[None]:
        """The cable is pulled: open connections break off, and each new one does before a byte has passed."""
        self._is_cut = True
        for line in list(self._lines):
            _break_off(line)
        try:
            yield
        finally:
            self._is_cut = False

    @contextmanager
    def losing_answers(self) -> Iterator[None]:
        """The collector stores what it is sent, but its answer does not arrive."""
        with self._faulty("mute"):
            yield

    @contextmanager
    def refusing(self, status: int, **headers: str) -> Iterator[None]:
        """Every call is answered with this status, and none is passed on."""
        with self._faulty("refuse", status, {name.replace("_", "-"): value for name, value in headers.items()}):
            yield

    @contextmanager
    def holding(self, path: str = "/v1/batch") -> Iterator[None]:
        """What is asked of this path waits on the line, and goes on afterwards."""
        self._held = path
        self._open.clear()
        try:
            yield
        finally:
            self._open.set()

    def calls(self, *, acknowledged: bool = True) -> list[dict[str, Any]]:
        """Every call that arrived, in order; a call that was sent twice counts once, as in the collector."""
        found: dict[str, dict[str, Any]] = {}
        for exchange in list(self.exchanges):
            if exchange.status == STORED or not acknowledged:
                for call in exchange.calls:
                    found.setdefault(call["messageId"], call)
        return list(found.values())

    def erased(self) -> set[str]:
        """Visitors who had erased what was collected of them."""
        asked = [one.body for one in list(self.exchanges) if one.path == "/v1/forget" and one.status == STORED]
        return {json.loads(body)["anonymousId"] for body in asked}

    def passed(self) -> list[tuple[str, int, int, float]]:
        """All that passed, for a person to read: path, calls, status, and how many seconds ago."""
        now = time.monotonic()
        return [(one.path, len(one.calls), one.status, round(now - one.at, 1)) for one in list(self.exchanges)]

    def stop(self) -> None:
        self._open.set()
        self._server.stop()

    @contextmanager
    def _faulty(self, kind: str, status: int = 0, headers: dict[str, str] | None = None) -> Iterator[None]:
        self._fault = (kind, status, headers or {})
        try:
            yield
        finally:
            self._fault = ("", 0, {})

    def _admits(self, line: socket.socket) -> bool:
        self._lines.add(line)
        if self._is_cut:
            self.turned_away += 1
            _break_off(line)
        return not self._is_cut

    def _pass(self, handler: BaseHTTPRequestHandler, upstream: str) -> None:
        body = handler.rfile.read(int(handler.headers.get("content-length") or 0))
        if self._is_cut:
            handler.close_connection = True
            return
        exchange = Exchange(handler.command, handler.path, {n.lower(): v for n, v in handler.headers.items()}, body)
        if handler.path == self._held:
            self._open.wait()
        kind, status, headers = self._fault
        self._note(exchange)
        if kind == "down":
            handler.close_connection = True
            return
        if kind == "refuse" and exchange.calls:
            origin = {"access-control-allow-origin": "*", "access-control-expose-headers": "Retry-After"}
            self._answer(handler, exchange, status, b"", origin | headers)
            return
        try:
            answer, content = _forward(handler, upstream, body)
        except (OSError, HTTPException):
            handler.close_connection = True
            return
        if kind == "mute" and exchange.calls:
            exchange.status = -1
            handler.close_connection = True
            return
        told = {name: value for name, value in answer.getheaders() if name.lower() not in HOP | {"content-length"}}
        self._answer(handler, exchange, answer.status, content, told)

    def _answer(
        self, handler: BaseHTTPRequestHandler, exchange: Exchange, status: int, content: bytes, headers: dict[str, str]
    ) -> None:
        exchange.status = status
        with suppress(ConnectionError, socket.timeout):  # the page may have gone
            handler.send_response_only(status)
            for name, value in headers.items():
                handler.send_header(name, value)
            if status not in (204, 304):
                handler.send_header("Content-Length", str(len(content)))
            handler.end_headers()
            handler.wfile.write(content)
        self._note()

    def _note(self, exchange: Exchange | None = None) -> None:
        with self.changed:
            if exchange is not None:
                self.exchanges.append(exchange)
            self.changed.notify_all()


def _break_off(line: socket.socket) -> None:
    with suppress(OSError):  # it may have ended by itself
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        line.shutdown(socket.SHUT_RDWR)


def _forward(handler: BaseHTTPRequestHandler, upstream: str, body: bytes) -> tuple[HTTPResponse, bytes]:
    line = HTTPConnection(upstream, timeout=20)
    try:
        line.putrequest(handler.command, handler.path, skip_host=True, skip_accept_encoding=True)
        for name, value in handler.headers.items():
            if name.lower() not in HOP - {"host"}:
                line.putheader(name, value)
        line.endheaders(body or None)
        answer = line.getresponse()
        return answer, answer.read()
    finally:
        line.close()
