"""The short way of a call: from the parsed request to the writer and back, without a task and without ASGI messages.

What enters: whole POSTs to the doors, as nearly all of a shop's traffic is. What leaves: the answers that `web/ingest`
would give. All else, and whatever is unusual in the least, goes uvicorn's way. It knows nothing of what a call is.
"""

from __future__ import annotations

import logging
from asyncio import Future
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from typing import Any

from collector.errors import FootfallError
from collector.limits import BODY_BYTES_MAX
from collector.store import Outcome
from collector.web import failure
from collector.web.ingest import Answer, Door, Headers
from collector.web.server import BoundedProtocol

log = logging.getLogger(__name__)
_STATUS_LINES = {status.value: b"HTTP/1.1 %d %b\r\n" % (status, status.phrase.encode()) for status in HTTPStatus}


class _NoEvent:
    """Nobody waits for the body."""

    def set(self) -> None: ...


class _Cycle:
    """What uvicorn's protocol asks of a request that is being answered."""

    __slots__ = ("body", "disconnected", "door", "headers", "keep_alive", "more_body", "response_complete")
    message_event = _NoEvent()
    response_started = False

    def __init__(self, door: Door, headers: Headers, keep_alive: bool) -> None:
        self.door = door
        self.headers = headers
        self.keep_alive = keep_alive
        self.body = b""
        self.disconnected = False
        self.response_complete = False


class ShortWay(BoundedProtocol):
    """One connection."""

    doors: Mapping[bytes, Door] = {}
    cycle: Any

    def on_headers_complete(self) -> None:
        door = self.doors.get(self.url)
        if door is None or not self._is_usual():
            super().on_headers_complete()
            return
        headers = Headers(self.headers)
        if not 0 < headers.length <= BODY_BYTES_MAX:
            super().on_headers_complete()
            return
        self._head_done = True
        self.cycle = _Cycle(door, headers, self.parser.should_keep_alive())

    def _is_usual(self) -> bool:
        parser, cycle = self.parser, self.cycle
        return (
            parser.get_method() == b"POST"
            and parser.get_http_version() == "1.1"
            and not parser.should_upgrade()
            and not self.expect_100_continue
            and (cycle is None or cycle.response_complete)
        )

    def on_body(self, body: bytes) -> None:
        cycle = self.cycle
        if type(cycle) is _Cycle:
            cycle.body = cycle.body + body if cycle.body else body
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        cycle = self.cycle
        if type(cycle) is _Cycle and not cycle.response_complete:
            self._take(cycle)

    def _take(self, cycle: _Cycle) -> None:
        try:
            taken = cycle.door.take(cycle.headers, self.client, cycle.body)
        except Exception as error:
            self._say(cycle, self._failed(cycle, error))
        else:
            cycle.body = b""
            taken.outcomes.add_done_callback(partial(self._told, cycle, taken.answer))

    def _told(self, cycle: _Cycle, answer: Any, outcomes: Future[list[Outcome]]) -> None:
        if outcomes.cancelled():
            self.transport.close()
            return
        error = outcomes.exception()
        self._say(cycle, answer(outcomes.result()) if error is None else self._failed(cycle, error))

    def _failed(self, cycle: _Cycle, error: BaseException) -> Answer:
        if isinstance(error, FootfallError):
            return cycle.door.refuse(error, cycle.headers)
        log.error("a call could not be taken", exc_info=error)
        return 500, failure.BUG, []

    def _say(self, cycle: _Cycle, answer: Answer) -> None:
        status, body, headers = answer
        cycle.door.count(status)
        cycle.response_complete = True
        if cycle.disconnected or self.transport.is_closing():
            return
        lines = [_STATUS_LINES[status]]
        for name, value in (*self.server_state.default_headers, *headers):
            lines += (name, b": ", value, b"\r\n")
        if not cycle.keep_alive:
            lines.append(b"connection: close\r\n")
        lines.append(b"content-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body))
        lines.append(body)
        self.transport.write(b"".join(lines))
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()


def short_way(doors: Mapping[str, Door]) -> type[ShortWay]:
    """The protocol for a server whose application has these doors."""
    found = {path.encode(): door for path, door in doors.items()}
    return type("ShortWay", (ShortWay,), {"doors": found})
