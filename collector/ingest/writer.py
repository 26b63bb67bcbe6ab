"""The writer: the near end of the socket through which everything is written, many requests to a commit.

What enters: the entries of one request, or work for the store. What leaves: outcomes, once they are on disk. At the far
end is a scribe, a process or a thread; when it ends unasked, those who wait are told, and another is launched.
It knows no SQL and no web. All belongs to one event loop, hence there is no lock.
"""

from __future__ import annotations

import asyncio
import logging
import pickle
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from msgspec import Struct

from collector.errors import Unavailable
from collector.event import Event
from collector.ingest import frames
from collector.ingest.frames import Committed, Done, Failed, Followed, Frames, Launch
from collector.store import Entry, Outcome, Tally
from collector.store.touched import Touched

P = ParamSpec("P")
T = TypeVar("T")
log = logging.getLogger(__name__)

_ONLY_EVENTS = {Event}
# How long a stop waits for what was accepted to be in the log.
SETTLE_S_MAX = 20.0
# What ends again and again, for want of a disk or of memory, is started at growing intervals.
RELAUNCH_AFTER_S, RELAUNCH_AFTER_S_MAX = 0.25, 4.0


class Commit(Struct, frozen=True):
    """What one transaction did, for whoever counts. Unless `exact`, what became of the events is told when filed."""

    seconds: float
    entries: Sequence[Entry]
    outcomes: Sequence[Outcome]
    exact: bool


class _Batch:
    """The entries of one request, and who waits for them."""

    __slots__ = ("bytes", "entries", "future", "straight")

    def __init__(
        self, entries: Sequence[Entry], size_bytes: int, future: asyncio.Future[list[Outcome]], straight: bool
    ) -> None:
        self.entries = entries
        self.bytes = size_bytes
        self.future = future
        self.straight = straight


class Writer:
    """Start it on the loop that will submit."""

    def __init__(
        self,
        launch: Launch,
        *,
        queue_events_max: int = 20_000,
        queue_bytes_max: int = 64 * 1024 * 1024,
        on_commit: Callable[[Commit], None] = lambda commit: None,
        on_filed: Callable[[Tally], None] = lambda tally: None,
    ) -> None:
        self._launch = launch
        self._events_max = queue_events_max
        self._bytes_max = queue_bytes_max
        self._on_commit = on_commit
        self._on_filed = on_filed
        self._pending: list[_Batch] = []
        self._sent: dict[int, list[_Batch]] = {}
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._last_id = 0
        self._followed_id = -1
        # Whom the calls name that were acknowledged and are not derived from yet.
        self.touched = Touched(everybody=True)
        self._line: _Line | None = None
        self._join: Callable[[], None] = lambda: None
        self._closing = False
        self._launching: asyncio.Task[None] | None = None
        self._relaunch_after_s = RELAUNCH_AFTER_S
        # What waits: in at `submit`, out when answered.
        self.queued_events = 0
        self.queued_bytes = 0
        # When the disk last failed; None once a commit has succeeded again.
        self.failed_at_s: float | None = None
        self.follow_failed = False

    async def start(self) -> None:
        """Begin, on the running loop."""
        self._loop = asyncio.get_running_loop()
        near, self._join = self._launch()
        line = _Line(self._take, self._lose)
        await self._loop.create_unix_connection(lambda: line, sock=near)
        self._line = line

    @property
    def alive(self) -> bool:
        return self._line is not None and not self._closing

    @property
    def behind(self) -> bool:
        """Whether something acknowledged may not have reached what is derived."""
        return self._followed_id < self._last_id

    def refuse_if_full(self) -> None:
        """Raises Unavailable where nothing more may wait: asked before a body is read, so that it costs little."""
        if self.queued_events >= self._events_max or self.queued_bytes >= self._bytes_max:
            raise Unavailable("too many events wait for the disk")

    def submit(
        self, entries: Sequence[Entry], size_bytes: int, *, exact: bool = False
    ) -> asyncio.Future[list[Outcome]]:
        """Queue the entries of one request; the future resolves when they are on disk, one outcome an entry.

        Unless `exact`, an event's outcome is STORED though it may turn out to be a duplicate.
        Raises Unavailable at once when too much waits, and through the future when the disk fails.
        """
        self._must_live()
        if self.queued_events + len(entries) > self._events_max or self.queued_bytes + size_bytes > self._bytes_max:
            raise Unavailable("too many events wait for the disk")
        self.queued_events += len(entries)
        self.queued_bytes += size_bytes
        future: asyncio.Future[list[Outcome]] = self._loop.create_future()
        straight = exact or {*map(type, entries)} != _ONLY_EVENTS
        batch = _Batch(entries, size_bytes, future, straight)
        if straight:
            self._hand_over()
            self._send_batches([batch], entries)
            return future
        self._pending.append(batch)
        if len(self._pending) == 1:
            # What one turn of the loop gathers goes together: a frame and an answer cost more than an entry.
            self._loop.call_soon(self._hand_over)
        return future

    async def run(self, work: Callable[Concatenate[Any, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Have a method of the store called where all is written, between commits: `run(Store.unlink, key, …)`."""
        assert not kwargs and work.__name__.isidentifier(), "only a method's name and arguments by position travel"
        result: T = await self._ask(lambda id: frames.Work(id, work.__name__, pickle.dumps(args)))
        return result

    async def settle(self, *, surely: bool = False) -> None:
        """Return when all that was acknowledged before has reached what is derived.

        `surely`: also what another process has written.
        """
        if surely or self.behind or self._pending:
            await self._ask(frames.Settle)

    def nudge(self) -> None:
        """Look whether another process has written."""
        if self.alive:
            self._send(frames.Nudge(self._next_id()))

    async def close(self) -> None:
        """Write what waits, then stop. Later submissions are refused."""
        line, self._closing = self._line, True
        if self._launching is not None:
            self._launching.cancel()
        if line is not None:
            self._hand_over()
            await self._settle_before_the_end()
            line.end()
            await line.ended.wait()
        await asyncio.to_thread(self._join)

    async def _settle_before_the_end(self) -> None:
        """Whoever opens the file next finds all in the log, if that can be; else the next start makes up for it."""
        with suppress(Exception):
            async with asyncio.timeout(SETTLE_S_MAX):
                await self._order(frames.Settle)

    # To the scribe -------------------------------------------------------------------------------------------------

    async def _ask(self, order: Callable[[int], frames.Work | frames.Settle]) -> Any:
        self._must_live()
        self._hand_over()
        return await self._order(order)

    async def _order(self, order: Callable[[int], frames.Work | frames.Settle]) -> Any:
        future: asyncio.Future[Any] = self._loop.create_future()
        id = self._next_id()
        self._asked[id] = future
        self._send(order(id))
        return await future

    def _hand_over(self) -> None:
        batches, self._pending = self._pending, []
        if len(batches) == 1:
            self._send_batches(batches, batches[0].entries)
        elif batches:
            self._send_batches(batches, [entry for batch in batches for entry in batch.entries])

    def _send_batches(self, batches: list[_Batch], entries: Sequence[Entry]) -> None:
        if self._line is None:
            self._fail_batches(batches, _ended())
            return
        id = self._next_id()
        self._sent[id] = batches
        self._send(frames.append(id, entries, straight=batches[0].straight))

    def _send(self, order: frames.Order) -> None:
        assert self._line is not None
        self._line.write(frames.frame(order))

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _must_live(self) -> None:
        if not self.alive:
            raise _ended() if not self._closing else Unavailable("the collector is stopping", retry_after_s=5)

    # From the scribe -----------------------------------------------------------------------------------------------

    def _take(self, answer: frames.Answer) -> None:
        self._relaunch_after_s = RELAUNCH_AFTER_S
        match answer:
            case Committed():
                self._resolve(answer)
            case Done():
                _succeed(self._asked.pop(answer.id), pickle.loads(answer.result) if answer.result else None)
            case Followed():
                self.follow_failed = answer.failed
                if not answer.failed:
                    self._on_filed(answer.tally)
                    self._followed_id = max(self._followed_id, answer.id)
                    self.touched = self.touched.after(answer.id)
            case Failed():
                self._fail(answer)

    def _resolve(self, committed: Committed) -> None:
        self.failed_at_s = None
        outcomes = frames.unpack_outcomes(committed.outcomes)
        entries: list[Entry] = []
        at = 0
        for id in committed.ids:
            for batch in self._sent.pop(id):
                self._forget(batch)
                entries += batch.entries
                _succeed(batch.future, outcomes[at : len(entries)])
                at = len(entries)
        self.touched.note(committed.ids[-1], entries)
        self._on_commit(Commit(committed.seconds, entries, outcomes, committed.exact))

    def _fail(self, failed: Failed) -> None:
        error = frames.unpack_error(failed.error)
        for id in failed.ids:
            if id in self._asked:
                _fail(self._asked.pop(id), error)
                continue
            batches = self._sent.pop(id)
            if isinstance(error, Unavailable):
                self.failed_at_s = time.monotonic()
                self._fail_batches(batches, error)
            elif len(batches) > 1:
                # A bug in one request's entries must not fail the others that went with it.
                for batch in batches:
                    self._send_batches([batch], batch.entries)
            else:
                log.error("a request could not be stored", exc_info=error)
                self._fail_batches(batches, error)

    def _fail_batches(self, batches: list[_Batch], error: Exception) -> None:
        for batch in batches:
            self._forget(batch)
            _fail(batch.future, error)

    def _forget(self, batch: _Batch) -> None:
        self.queued_events -= len(batch.entries)
        self.queued_bytes -= batch.bytes

    def _lose(self) -> None:
        """The scribe has ended. What it has not answered may be on disk or not: whoever waits must send again."""
        self._line = None
        sent, self._sent = self._sent, {}
        asked, self._asked = self._asked, {}
        for batches in sent.values():
            self._fail_batches(batches, _ended())
        for future in asked.values():
            _fail(future, _ended())
        if not self._closing:
            if self._relaunch_after_s == RELAUNCH_AFTER_S:
                log.error("what writes has ended; another is started")
            self.failed_at_s = time.monotonic()
            self._launching = self._loop.create_task(self._relaunch())

    async def _relaunch(self) -> None:
        while True:
            await asyncio.sleep(self._relaunch_after_s)
            self._relaunch_after_s = min(2 * self._relaunch_after_s, RELAUNCH_AFTER_S_MAX)
            await asyncio.to_thread(self._join)
            try:
                await self.start()
                break
            except OSError as error:
                log.error("what writes cannot be started: %s", error)
        self.nudge()


class _Line(asyncio.Protocol):
    """The socket itself."""

    def __init__(self, on_answer: Callable[[Any], None], on_end: Callable[[], None]) -> None:
        self._on_answer = on_answer
        self._on_end = on_end
        self._frames = Frames.of_answers()
        self.ended = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)
        self.write = transport.write
        self.end = transport.write_eof

    def data_received(self, received: bytes) -> None:
        for answer in self._frames.feed(received):
            self._on_answer(answer)

    def connection_lost(self, error: Exception | None) -> None:
        self.ended.set()
        self._on_end()


def _ended() -> Unavailable:
    return Unavailable("what writes has ended and starts again", retry_after_s=1)


def _succeed(future: asyncio.Future[Any], result: Any) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
