"""The HTTP protocol of the collector: uvicorn's, with limits on what a client may keep open, slow or long.

What enters: bytes of a connection. What leaves: ASGI calls, as uvicorn makes them; or 408, 431, 503 and a closed door.
It knows nothing of what is asked.
"""

from __future__ import annotations

import asyncio
import resource

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from collector.web import failure

HEADER_BYTES_MAX = 64 * 1024


class BoundedProtocol(HttpToolsProtocol):
    """One connection. Only requests that do not come in one piece cost a timer."""

    # A request must have arrived within this, from its first byte on; its first byte within this from connecting on.
    request_s_max = 30.0
    connections_max = 4_000

    _head_bytes = 0
    _arriving = False
    _head_done = False
    _refused = False
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.connections_max:
            self._refuse(503, "unavailable", "too many connections", (b"retry-after: 1\r\n",))
        else:
            self._deadline = self.loop.call_later(self.request_s_max, self._run_out)

    def data_received(self, received: bytes) -> None:
        if self._refused:
            return
        if not self._head_done:
            self._head_bytes += len(received)
            if self._head_bytes > HEADER_BYTES_MAX and not self._ends_within(received):
                self._refuse(431, "headers_too_large", f"the headers are over {HEADER_BYTES_MAX} bytes")
                return
        super().data_received(received)
        if self._arriving:
            if self._deadline is None:
                self._deadline = self.loop.call_later(self.request_s_max, self._run_out)
        elif self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def connection_lost(self, exc: Exception | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self._arriving = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._head_done = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._arrived()
        super().on_message_complete()

    def _arrived(self) -> None:
        self._arriving = self._head_done = False
        self._head_bytes = 0

    def _ends_within(self, received: bytes) -> bool:
        """Whether the headers end in these bytes, within the limit: what follows them is body."""
        head = received.find(b"\r\n\r\n")
        return head >= 0 and self._head_bytes - len(received) + head <= HEADER_BYTES_MAX

    def _run_out(self) -> None:
        self._deadline = None
        cycle = self.cycle
        answering = cycle is not None and not cycle.response_complete
        if answering and not self._head_done:
            # The request before this one is still being answered: the door closes behind that answer.
            cycle.keep_alive = False
        elif self._arriving and not (answering and cycle.response_started):
            self._refuse(408, "too_slow", f"the request did not arrive within {self.request_s_max:.0f} seconds")
        elif not self.transport.is_closing():
            self.transport.close()

    def _refuse(self, status: int, code: str, message: str, headers: tuple[bytes, ...] = ()) -> None:
        self._refused = True
        body = failure.body(code, message)
        phrase = {408: b"Request Timeout", 431: b"Request Header Fields Too Large", 503: b"Service Unavailable"}[status]
        self.transport.write(
            b"HTTP/1.1 %d %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n%b\r\n%b"
            % (status, phrase, len(body), b"".join(headers), body)
        )
        self.transport.close()


def allow_many_files() -> None:
    """As many open files as the system lets this process have: each connection is one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
