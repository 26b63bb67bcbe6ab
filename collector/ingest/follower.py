"""The follower: brings what was accepted into the log and what is derived up to it, and does what must be done there.

It is a process or a thread, at the far end of the scribe's socket.
What enters: orders, in turn. What leaves: answers. Nobody who has been told that a call is safe waits for it, so its
steps may be as long as pays. It knows no SQL and no web.
"""

from __future__ import annotations

import logging
import pickle
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from math import inf
from queue import Empty, SimpleQueue

from msgspec.structs import replace

from collector.errors import Unavailable
from collector.ingest import frames
from collector.ingest.frames import Append, Frames, Order, Settle, Work
from collector.store import Log, Progress, Tally

log = logging.getLogger(__name__)

# Events gather for a moment, so that a step pays.
FOLLOW_EVERY_S, FOLLOW_AGAIN_S = 0.05, 0.25
# While there is more to do, steps grow: larger ones cost less, but whoever gives an order waits for one.
FOLLOW_EVENTS, FOLLOW_EVENTS_MAX = 250, 1_000
# How far it has come is told so often while it is behind.
TELL_EVERY_S = 0.05
# Somebody else who wants to write, a command say, looks whether that may be every 100 ms: SQLite's way to wait. Between
# two steps there is hardly a moment, so while it is behind it now and then stands aside for as long as that.
STAND_ASIDE_EVERY_S, STAND_ASIDE_S = 2.0, 0.11
RECEIVE_BYTES = 1 << 20

Say = Callable[[list[frames.Answer]], None]


def follow(store: Log, sock: socket.socket) -> None:
    """Be the follower of whoever is at the other end, until it is closed there and all that came from it is done."""

    def say(answers: list[frames.Answer]) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):
            sock.sendall(b"".join(map(frames.frame, answers)))

    orders, follower = Frames.of_orders(), Follower(store, say)
    follower.start()
    try:
        while received := sock.recv(RECEIVE_BYTES):
            for order in orders.feed(received):
                follower.hand(order)
    except ConnectionResetError:
        pass
    finally:
        follower.end()
        sock.close()


class Follower:
    """`start` it once; `end` returns when all orders are done. All methods may be called from one other thread."""

    def __init__(self, store: Log, say: Say) -> None:
        self._store, self._say = store, say
        self._orders: SimpleQueue[Order | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)
        self._ending = False
        self._settling: deque[Settle] = deque()
        self._behind = True
        self._due_s = -inf
        self._tell_due_s = -inf
        self._stand_aside_due_s = inf
        self._step_events = FOLLOW_EVENTS
        # A failure is logged when it begins, not at each try.
        self._failed = False
        self._hurry = 0
        self._last_id = 0
        self._tally = Tally()

    def start(self) -> None:
        self._thread.start()

    def hand(self, order: Order) -> None:
        """Have this done in its turn."""
        self._orders.put(order)

    def end(self) -> None:
        """No more orders come."""
        self._ending = True
        self._orders.put(None)
        self._thread.join()

    # Its own thread ---------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            taken = self._take()
            if taken:
                self._behind = True
            elif self._ending and not self._settling:
                return
            self._obey([order for order in taken if order is not None])
            self._follow_if_due()

    def _take(self) -> list[Order | None]:
        """What has come; waits for it where there is nothing else to do."""
        taken: list[Order | None] = []
        try:
            taken.append(self._orders.get(timeout=self._patience_s()))
            while True:
                taken.append(self._orders.get_nowait())
        except Empty:
            return taken

    def _patience_s(self) -> float | None:
        if self._settling or self._ending:
            return 0.0
        return max(0.0, self._due_s - time.monotonic()) if self._behind else None

    def _obey(self, orders: list[Order]) -> None:
        group: list[Append] = []
        for order in orders:
            self._last_id = max(self._last_id, order.id)
            if isinstance(order, Append):
                group.append(order)
                continue
            self._append(group)
            group = []
            if isinstance(order, Settle):
                self._settling.append(order)
            elif isinstance(order, Work):
                self._do(order)
            else:
                self._hurry = max(self._hurry, order.hurry)
        self._append(group)

    def _append(self, group: list[Append]) -> None:
        if not group:
            return
        ids = [each.id for each in group]
        began_s = time.monotonic()
        try:
            outcomes = self._store.append([entry for each in group for entry in each.entries])
        except Exception as error:
            if len(group) > 1 and not isinstance(error, Unavailable):
                for each in group:
                    self._append([each])
                return
            self._say([frames.Failed(ids, frames.pack_error(error))])
        else:
            took_s = time.monotonic() - began_s
            self._say([frames.Committed(ids, took_s, frames.pack_outcomes(outcomes), True)])

    def _do(self, work: Work) -> None:
        try:
            result = getattr(self._store, work.name)(*pickle.loads(work.arguments))
        except Exception as error:
            self._say([frames.Failed([work.id], frames.pack_error(error))])
        else:
            self._say([frames.Done(work.id, pickle.dumps(result))])

    def _follow_if_due(self) -> None:
        due = self._hurry or time.monotonic() >= self._due_s
        if self._settling or (self._behind and due and not self._ending):
            self._follow()

    def _follow(self) -> None:
        try:
            more = self._store.follow(self._step_events)
        except Exception as error:
            self._fail(error)
        else:
            if self._failed:
                log.warning("what was accepted is filed again, and what is derived follows")
            self._failed, self._behind = False, more
            self._step_events = min(2 * self._step_events, FOLLOW_EVENTS_MAX) if more else FOLLOW_EVENTS
            self._go_on(self._store.progress(), more)
            self._stand_aside(more)
        self._hurry = 0

    def _stand_aside(self, more: bool) -> None:
        """Where it has been behind for long; who waits for a short while is not kept waiting."""
        if more and time.monotonic() >= self._stand_aside_due_s:
            time.sleep(STAND_ASIDE_S)
            self._stand_aside_due_s = inf
        if not more or self._stand_aside_due_s == inf:
            self._stand_aside_due_s = time.monotonic() + STAND_ASIDE_EVERY_S if more else inf

    def _fail(self, error: Exception) -> None:
        self._behind = True
        self._due_s = time.monotonic() + FOLLOW_AGAIN_S
        if not self._failed and isinstance(error, Unavailable):
            log.warning("what was accepted cannot be filed: %s", error)
        elif not self._failed:
            log.error("what is derived could not follow the log", exc_info=error)
        self._failed = True
        packed = frames.pack_error(error)
        answers: list[frames.Answer] = [frames.Followed(0, True, more=True, hurried=self._hurry, error=packed)]
        if self._settling:
            answers.append(frames.Failed([each.id for each in self._settling], packed))
            self._settling.clear()
        self._say(answers)

    def _go_on(self, progress: Progress, more: bool) -> None:
        """Tell how far it has come; who waited for what is done now goes on."""
        self._tally.add(progress.tally)
        upto, answers = progress.upto, list[frames.Answer]()
        while self._settling and _is_settled(self._settling[0], upto, more):
            answers.append(frames.Done(self._settling.popleft().id))
        now_s = time.monotonic()
        self._due_s = -inf if more else now_s + FOLLOW_EVERY_S
        if not more or answers or self._hurry or now_s >= self._tell_due_s:
            self._tell_due_s = now_s + TELL_EVERY_S
            # Where what is derived is behind the log, what came in by order is in the log and not derived from.
            id = 0 if more or upto is None else self._last_id
            told = replace(frames.followed(id, self._tally), filed=progress.filed, more=more, hurried=self._hurry)
            answers.insert(0, told if upto is None else replace(told, upto=upto))
            self._tally = Tally()
            self._say(answers)


def _is_settled(order: Settle, upto: int | None, more: bool) -> bool:
    """Without a ticket nothing was accepted since the start; what was before that must be done all the same."""
    return upto is not None and (order.ticket <= upto if order.ticket else not more)
