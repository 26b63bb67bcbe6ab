"""The writer: one thread through which everything is written, many requests to a commit.

What enters: the entries of one request, or a function that writes. What leaves: outcomes, once they are on disk.
Between commits it keeps what is derived up with the log. It knows no SQL and no web.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from msgspec import Struct

from collector.errors import Unavailable
from collector.store import Entry, Log, Outcome

T = TypeVar("T")
log = logging.getLogger(__name__)

GROUP_EVENTS_MAX = 2_000
FOLLOW_EVERY_S = 0.25


class Commit(Struct, frozen=True):
    """What one transaction did, for whoever counts."""

    seconds: float
    entries: Sequence[Entry]
    outcomes: Sequence[Outcome]


class _Job(Generic[T]):
    """Something to be done on the writer's thread, and who waits for it."""

    __slots__ = ("future", "work")

    def __init__(self, work: Callable[[], T], future: asyncio.Future[T]) -> None:
        self.work = work
        self.future = future


class _Batch:
    """The entries of one request, and who waits for them."""

    __slots__ = ("bytes", "entries", "future")

    def __init__(self, entries: Sequence[Entry], size_bytes: int, future: asyncio.Future[list[Outcome]]) -> None:
        self.entries = entries
        self.bytes = size_bytes
        self.future = future


class _Settle:
    """Someone waits until what is derived has caught up."""

    __slots__ = ("future",)

    def __init__(self, future: asyncio.Future[None]) -> None:
        self.future = future


class Writer:
    """Start it on the loop that will submit. All its methods but the thread's own belong to that loop."""

    def __init__(
        self,
        store: Log,
        *,
        queue_events_max: int = 20_000,
        queue_bytes_max: int = 64 * 1024 * 1024,
        on_commit: Callable[[Commit], None] = lambda commit: None,
    ) -> None:
        self._store = store
        self._events_max = queue_events_max
        self._bytes_max = queue_bytes_max
        self._on_commit = on_commit
        self._queue: SimpleQueue[list[_Batch] | _Job[Any] | _Settle | None] = SimpleQueue()
        self._pending: list[_Batch] = []
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing = False
        # What waits, counted on the loop alone (in at `submit`, out when resolved), hence without a lock.
        self.queued_events = 0
        self.queued_bytes = 0
        # Written by the thread before it resolves anyone: who was acknowledged sees it.
        self.behind = True
        # When the disk last failed; None once a commit has succeeded again.
        self.failed_at_s: float | None = None
        self._follow_due_s = 0.0
        self.follow_failed = False
        self._settling: list[asyncio.Future[None]] = []

    def start(self) -> None:
        """Begin; must be called on the running loop."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive() and not self._closing

    def submit(self, entries: Sequence[Entry], size_bytes: int) -> asyncio.Future[list[Outcome]]:
        """Queue the entries of one request; the future resolves when they are on disk, one outcome an entry.

        Raises Unavailable at once when too much waits, and through the future when the disk fails.
        """
        if not self.alive:
            raise Unavailable("the collector is stopping", retry_after_s=5)
        if self.queued_events + len(entries) > self._events_max or self.queued_bytes + size_bytes > self._bytes_max:
            raise Unavailable("too many events wait for the disk")
        self.queued_events += len(entries)
        self.queued_bytes += size_bytes
        future: asyncio.Future[list[Outcome]] = self._new_future()
        self._pending.append(_Batch(entries, size_bytes, future))
        if len(self._pending) == 1:
            self._the_loop.call_soon(self._hand_over)
        return future

    async def run(self, work: Callable[[], T]) -> T:
        """Do `work` on the writer's thread, between commits."""
        if not self.alive:
            raise Unavailable("the collector is stopping", retry_after_s=5)
        future: asyncio.Future[T] = self._new_future()
        self._hand_over()
        self._queue.put(_Job(work, future))
        return await future

    async def settle(self) -> None:
        """Return when all that was acknowledged before has reached what is derived."""
        if not self.behind:
            return
        if not self.alive:
            raise Unavailable("the collector is stopping", retry_after_s=5)
        future: asyncio.Future[None] = self._new_future()
        self._hand_over()
        self._queue.put(_Settle(future))
        await future

    def nudge(self) -> None:
        """Look whether another process has written."""
        self.behind = True

    async def close(self) -> None:
        """Write what waits, then stop. Later submissions are refused."""
        if self._thread.is_alive() and not self._closing:
            self._closing = True
            self._hand_over()
            self._queue.put(None)
        await asyncio.get_running_loop().run_in_executor(None, self._thread.join)

    def _hand_over(self) -> None:
        """What one turn of the loop has gathered goes together: waking the thread costs more than an entry."""
        if self._pending:
            batches, self._pending = self._pending, []
            self._queue.put(batches)

    def _new_future(self) -> asyncio.Future[Any]:
        return self._the_loop.create_future()

    @property
    def _the_loop(self) -> asyncio.AbstractEventLoop:
        assert self._loop is not None, "the writer was not started"
        return self._loop

    # On the thread ---------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        open = True
        while open:
            batches, others, open = self._take()
            if batches:
                self._append(batches)
            for other in others:
                if isinstance(other, _Settle):
                    self._settling.append(other.future)
                else:
                    self._do(other)
            if self._settling or (self.behind and time.monotonic() >= self._follow_due_s):
                self._follow()
        while self._settling:
            self._follow()

    def _take(self) -> tuple[list[_Batch], list[_Job[Any] | _Settle], bool]:
        """Wait for something, then take what is there, up to a group. The last of the three: there may be more."""
        batches: list[_Batch] = []
        others: list[_Job[Any] | _Settle] = []
        events = 0
        wait_s: float | None = self._patience_s()
        try:
            while events < GROUP_EVENTS_MAX:
                item = self._queue.get(block=wait_s != 0, timeout=wait_s)
                wait_s = 0
                if item is None:
                    return batches, others, False
                if isinstance(item, list):
                    batches += item
                    events += sum(len(batch.entries) for batch in item)
                else:
                    others.append(item)
        except Empty:
            pass
        return batches, others, True

    def _patience_s(self) -> float:
        """How long the thread may wait for work: until it must follow; no longer than a nudge may stay unseen."""
        if self._settling:
            return 0
        return max(0.0, self._follow_due_s - time.monotonic()) if self.behind else FOLLOW_EVERY_S

    def _append(self, batches: list[_Batch]) -> None:
        entries = batches[0].entries if len(batches) == 1 else [entry for batch in batches for entry in batch.entries]
        began_s = time.monotonic()
        try:
            outcomes = self._store.append(entries)
        except Unavailable as error:
            log.warning("nothing could be stored: %s", error)
            self.failed_at_s = time.monotonic()
            self._tell(self._resolve_all, batches, error)
        except Exception as error:
            self._append_apart(batches, error)
        else:
            self.behind = True
            self.failed_at_s = None
            self._tell(self._resolve_group, batches, Commit(time.monotonic() - began_s, entries, outcomes))

    def _append_apart(self, batches: list[_Batch], error: Exception) -> None:
        """A bug in one request's entries must not fail the others of its group."""
        if len(batches) > 1:
            for batch in batches:
                self._append([batch])
            return
        log.error("a request could not be stored", exc_info=error)
        self._tell(self._resolve_all, batches, error)

    def _do(self, job: _Job[Any]) -> None:
        try:
            result = job.work()
        except Exception as error:
            self._tell(_fail, job.future, error)
        else:
            self.behind = True
            self._tell(_succeed, job.future, result)

    def _follow(self) -> None:
        waiting, self._settling = self._settling, []
        try:
            self.behind = self._store.follow()
            self.follow_failed = False
        except Exception as error:
            self._follow_due_s = time.monotonic() + FOLLOW_EVERY_S
            if not self.follow_failed:
                log.error("what is derived could not follow the log", exc_info=error)
            self.follow_failed = True
            self._tell(_fail_each, waiting, error)
            return
        if self.behind:
            self._settling = waiting
            self._follow_due_s = 0.0
        else:
            self._follow_due_s = time.monotonic() + FOLLOW_EVERY_S
            self._tell(_succeed_each, waiting)

    def _tell(self, callback: Callable[..., None], *arguments: Any) -> None:
        try:
            self._the_loop.call_soon_threadsafe(callback, *arguments)
        except RuntimeError:
            log.warning("the loop ended before its writer")

    # Back on the loop ------------------------------------------------------------------------------------------------

    def _resolve_group(self, batches: list[_Batch], commit: Commit) -> None:
        outcomes = list(commit.outcomes)
        at = 0
        for batch in batches:
            self._forget(batch)
            end = at + len(batch.entries)
            _succeed(batch.future, outcomes[at:end])
            at = end
        self._on_commit(commit)

    def _resolve_all(self, batches: list[_Batch], error: Exception) -> None:
        for batch in batches:
            self._forget(batch)
            _fail(batch.future, error)

    def _forget(self, batch: _Batch) -> None:
        self.queued_events -= len(batch.entries)
        self.queued_bytes -= batch.bytes


def _succeed(future: asyncio.Future[Any], result: Any) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


def _succeed_each(futures: list[asyncio.Future[None]]) -> None:
    for future in futures:
        _succeed(future, None)


def _fail_each(futures: list[asyncio.Future[None]], error: Exception) -> None:
    for future in futures:
        _fail(future, error)
