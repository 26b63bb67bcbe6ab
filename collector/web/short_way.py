"""The short way of a call: from the parsed request to the writer and back, without a task and without ASGI messages.

What enters: whole POSTs to the doors, as nearly all of a shop's traffic is. What leaves: the answers that `web/ingest`
would give. All else, and whatever is unusual in the least, goes uvicorn's way. It knows nothing of what a call is.
"""

from __future__ import annotations

import logging
from asyncio import AbstractEventLoop, Future, TimerHandle
from collections import deque
from collections.abc import Mapping
from functools import lru_cache, partial
from http import HTTPStatus
from typing import Any

from collector.errors import FootfallError
from collector.limits import BODY_BYTES_MAX
from collector.store import Outcome
from collector.web import failure
from collector.web.ingest import Answer, Door, Headers
from collector.web.lookups import Lookups
from collector.web.server import BoundedProtocol

log = logging.getLogger(__name__)
# So many calls at a turn of the loop. Whoever else asks need not wait for all that came at once; and fewer yet while
# something is looked up: from its request to its answer that takes four turns.
TURN_CALLS_MAX, TURN_CALLS_BESIDE_LOOKUPS_MAX = 16, 4
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


class _Turns:
    """Calls that have arrived, in their order, and are to be taken."""

    def __init__(self, lookups: Lookups) -> None:
        self._waiting: deque[tuple[ShortWay, _Cycle]] = deque()
        self.lookups = lookups

    def wait(self, line: ShortWay, cycle: _Cycle) -> None:
        self._waiting.append((line, cycle))
        if len(self._waiting) == 1:
            line.loop.call_soon(self._take, line.loop)

    def _take(self, loop: AbstractEventLoop) -> None:
        calls_max = TURN_CALLS_BESIDE_LOOKUPS_MAX if self.lookups.any else TURN_CALLS_MAX
        try:
            for _ in range(min(len(self._waiting), calls_max)):
                line, cycle = self._waiting.popleft()
                line.take(cycle)
        finally:  # nobody's bug stops the others
            if self._waiting:
                loop.call_soon(self._take, loop)
            self.lookups.let_go_first()


class ShortWay(BoundedProtocol):
    """One connection."""

    doors: Mapping[bytes, Door] = {}
    turns: _Turns
    cycle: Any
    # A timer a connection, not one a request: when it rings, it is looked how long nothing has been asked.
    _rests_since_s = 0.0
    _watch: TimerHandle | None = None

    def on_message_begin(self) -> None:
        """What uvicorn makes for ASGI is made where it is needed."""
        self._arriving = True
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_headers_complete(self) -> None:
        door = self.doors.get(self.url)
        if door is None or not self._is_usual():
            self._go_the_long_way()
            return
        headers = Headers(self.headers)
        if not 0 < headers.length <= BODY_BYTES_MAX:
            self._go_the_long_way()
            return
        self._head_done = True
        self.cycle = _Cycle(door, headers, self.parser.should_keep_alive())

    def _go_the_long_way(self) -> None:
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.headers, self.expect_100_continue = url, headers, expects
        self.scope["headers"] = headers
        self.turns.lookups.come()
        super().on_headers_complete()

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
        cycle = self.cycle
        if type(cycle) is not _Cycle or cycle.response_complete:
            super().on_message_complete()
        else:
            self._arrived()
            self.turns.wait(self, cycle)

    def take(self, cycle: _Cycle) -> None:
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
        head = _head(status, len(body), cycle.keep_alive)
        told = [part for name, value in headers for part in (name, b": ", value, b"\r\n")]
        self.transport.write(b"".join([head, *self._default_lines(), *told, b"\r\n", body]))
        if not cycle.keep_alive:
            self.transport.close()
        if self.pipeline or self.flow.read_paused:
            self.on_response_complete()
        else:
            self.server_state.total_requests += 1
            self._rest()

    def _default_lines(self) -> list[bytes]:
        return [part for name, value in self.server_state.default_headers for part in (name, b": ", value, b"\r\n")]

    def _rest(self) -> None:
        self._rests_since_s = self.loop.time()
        if self._watch is None and not self.transport.is_closing():
            self._watch = self.loop.call_later(self.timeout_keep_alive, self._look)

    def _look(self) -> None:
        """Whether it has been kept open for nothing for long. After an answer of uvicorn's, uvicorn looks."""
        self._watch = None
        if type(self.cycle) is not _Cycle or self.transport.is_closing():
            return
        left_s = self._rests_since_s + self.timeout_keep_alive - self.loop.time()
        if self._arriving or not self.cycle.response_complete:
            left_s = self.timeout_keep_alive
        if left_s > 0:
            self._watch = self.loop.call_later(left_s, self._look)
        else:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._watch is not None:
            self._watch.cancel()
        super().connection_lost(exc)


@lru_cache(maxsize=256)
def _head(status: int, length: int, keep_alive: bool) -> bytes:
    """What nearly all answers share. Nothing that a client says is in it: that would be kept."""
    close = b"" if keep_alive else b"connection: close\r\n"
    described = b"content-type: application/json\r\ncontent-length: %d\r\n" % length
    return _STATUS_LINES[status] + close + described


def short_way(doors: Mapping[str, Door], lookups: Lookups) -> type[ShortWay]:
    """The protocol for a server whose application has these doors, and looks things up beside."""
    found = {path.encode(): door for path, door in doors.items()}
    return type("ShortWay", (ShortWay,), {"doors": found, "turns": _Turns(lookups)})
