"""The follower: a thread that brings what was accepted into the log and what is derived up to it, and does what must
be done where the log is written.

What enters: orders, in turn, and word of what was accepted. What leaves: answers. Nobody who has been told that a call
is safe waits for it, so its steps may be as long as pays. It knows no SQL, no socket and no web.
"""

from __future__ import annotations

import logging
import pickle
import threading
import time
from collections import deque
from collections.abc import Callable
from math import inf
from queue import Empty, SimpleQueue
from typing import NamedTuple

from collector.errors import Unavailable
from collector.ingest import frames
from collector.ingest.frames import Append, Nudge, Settle, Work
from collector.store import Log, Progress, Tally

log = logging.getLogger(__name__)

# Events gather for a moment, so that a step pays.
FOLLOW_EVERY_S, FOLLOW_AGAIN_S = 0.05, 0.25
FOLLOW_EVENTS = 250
# Where it is far behind: larger steps cost less, but whoever gives an order waits for one.
FAR_BEHIND_EVENTS, FOLLOW_FAR_BEHIND_EVENTS = 5_000, 1_000
# A burst of so many is taken at once; then calls are taken as fast as they are filed and derived from.
BEHIND_EVENTS_MAX, ROOM_WITHIN_S = 200_000, 2.0
# How long a call waits to learn whether the log can be written again, where it could not.
TRIED_WITHIN_S = 3.0
# How far it has come is told so often while it is behind.
TELL_EVERY_S = 0.05

Order = Append | Work | Settle | Nudge
Say = Callable[[list[frames.Answer]], None]


class _Accepted(NamedTuple):
    """What one commit made safe: until it is followed."""

    ticket: int
    id: int
    events: int


class Follower:
    """`start` it once; `end` returns when all orders are done. All methods may be called from one other thread."""

    def __init__(self, store: Log, say: Say) -> None:
        self._store, self._say = store, say
        self._orders: SimpleQueue[tuple[int, Order] | None] = SimpleQueue()
        self._accepted: deque[_Accepted] = deque()
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)
        self._room = threading.Condition()
        self._behind_events = 0
        self._ticket = 0
        self._ending = False
        self._settling: deque[tuple[int, int]] = deque()  # the ticket that must have been followed, and who waits
        self._behind = True
        self._due_s = -inf
        self._tell_due_s = -inf
        # A failure is logged when it begins, not at each try.
        self._failed = False
        self._unavailable: Unavailable | None = None
        self._hurried, self._tries = False, 0
        self._last_id = self._followed_id = 0
        self._tally = Tally()

    def start(self) -> None:
        self._thread.start()

    def hand(self, order: Order) -> None:
        """Have this done in its turn."""
        self._orders.put((self._ticket, order))

    def wait_for_room(self) -> None:
        """Raises Unavailable where the log cannot be written, which is tried again, or it stays too far behind."""
        if self._unavailable is not None:
            self._try_again()
        if self._behind_events >= BEHIND_EVENTS_MAX:
            with self._room:
                if not self._room.wait_for(lambda: self._behind_events < BEHIND_EVENTS_MAX, ROOM_WITHIN_S):
                    raise Unavailable("too many events wait to be filed")

    def _try_again(self) -> None:
        with self._room:
            tries, self._hurried = self._tries, True
            self._orders.put(None)
            self._room.wait_for(lambda: self._tries > tries, TRIED_WITHIN_S)
            if self._unavailable is not None:
                raise self._unavailable.with_traceback(None)

    def accepted(self, ticket: int, id: int, events: int) -> None:
        """So many events are safe, by the frame `id`."""
        self._ticket = ticket
        self._accepted.append(_Accepted(ticket, id, events))
        with self._room:
            self._behind_events += events
        if not self._behind:
            self._orders.put(None)

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

    def _take(self) -> list[tuple[int, Order] | None]:
        """What has come; waits for it where there is nothing else to do. None: something was accepted."""
        taken: list[tuple[int, Order] | None] = []
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

    def _obey(self, orders: list[tuple[int, Order]]) -> None:
        group: list[Append] = []
        for ticket, order in orders:
            self._last_id = max(self._last_id, order.id)
            if isinstance(order, Append):
                group.append(order)
                continue
            self._append(group)
            group = []
            if isinstance(order, Settle):
                self._settling.append((ticket, order.id))
            elif isinstance(order, Work):
                self._do(order)
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
        due = self._hurried or time.monotonic() >= self._due_s
        if self._settling or (self._behind and due and not self._ending):
            far = self._behind_events >= FAR_BEHIND_EVENTS
            self._follow(FOLLOW_FAR_BEHIND_EVENTS if far else FOLLOW_EVENTS)

    def _follow(self, events_max: int) -> None:
        # First: what is accepted during the step wakes it for another one.
        self._behind = False
        try:
            self._behind = more = self._store.follow(events_max)
        except Exception as error:
            self._fail(error)
            self._note_try()
            return
        if self._failed:
            log.warning("what was accepted is filed again, and what is derived follows")
        self._failed, self._unavailable = False, None
        self._note_try()
        self._go_on(self._store.progress(), more)

    def _note_try(self) -> None:
        with self._room:
            self._hurried = False
            self._tries += 1
            self._room.notify_all()

    def _fail(self, error: Exception) -> None:
        self._behind = True
        self._due_s = time.monotonic() + FOLLOW_AGAIN_S
        self._unavailable = error if isinstance(error, Unavailable) else None
        if not self._failed and self._unavailable:
            log.warning("what was accepted cannot be filed: %s", error)
        elif not self._failed:
            log.error("what is derived could not follow the log", exc_info=error)
        self._failed = True
        answers: list[frames.Answer] = [frames.Followed(0, failed=True)]
        if self._settling:
            answers.append(frames.Failed([id for _, id in self._settling], frames.pack_error(error)))
            self._settling.clear()
        self._say(answers)

    def _go_on(self, progress: Progress, more: bool) -> None:
        """Tell how far it has come; who waited for what is done now goes on."""
        self._tally.add(progress.tally)
        upto = progress.upto
        answers: list[frames.Answer] = []
        if upto is not None:
            self._note(upto, more)
            while self._settling and self._settling[0][0] <= upto:
                answers.append(frames.Done(self._settling.popleft()[1]))
        now_s = time.monotonic()
        self._due_s = -inf if more else now_s + FOLLOW_EVERY_S
        if not more or answers or now_s >= self._tell_due_s:
            self._tell_due_s = now_s + TELL_EVERY_S
            # Where what is derived is behind the log, what came in by order is in the log and not derived from.
            answers.insert(0, frames.followed(0 if upto is None else self._followed_id, self._tally))
            self._tally = Tally()
            self._say(answers)

    def _note(self, upto: int, more: bool) -> None:
        freed = 0
        while self._accepted and self._accepted[0].ticket <= upto:
            done = self._accepted.popleft()
            freed += done.events
            self._followed_id = max(self._followed_id, done.id)
        if not more:
            self._followed_id = max(self._followed_id, self._last_id)
        if freed:
            with self._room:
                self._behind_events -= freed
                self._room.notify_all()
