"""The lead: how far the scribe is ahead of its follower, and the near end of the socket between the two.

What enters: orders for the follower, word of what was accepted, the follower's answers. What leaves: those answers,
with the frames that they speak of, and word of what need not be kept any more. It knows no SQL and no web.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from msgspec.structs import replace

from collector.errors import Unavailable
from collector.ingest import frames
from collector.ingest.frames import Committed, Done, Failed, Followed, Frames, Launch, Nudge, Settle

log = logging.getLogger(__name__)

# A burst of so many is taken at once; then calls are taken as fast as they are filed and derived from.
BEHIND_EVENTS_MAX, ROOM_WITHIN_S = 200_000, 2.0
# With so many waiting it is behind: a step of the follower's, and more than comes in its pause where a shop is busy.
BEHIND_EVENTS = 250
# How long a call waits to learn whether the log can be written again, where it could not.
TRIED_WITHIN_S = 3.0
# What ends again and again, for want of memory or of a sound file, is started at growing intervals.
RELAUNCH_AFTER_S, RELAUNCH_AFTER_S_MAX = 0.1, 4.0
RECEIVE_BYTES = 1 << 18

Say = Callable[[list[frames.Answer]], None]


class _Accepted(NamedTuple):
    """What one commit made safe: until it is followed."""

    ticket: int
    id: int
    events: int


class Lead:
    """`start` it once; `end` returns when all orders are done. All methods may be called from one thread.

    `discard` gets each ticket up to which all is filed. Where the follower ends unasked, who waits for an answer of it
    is told, and another one is launched; what is accepted meanwhile waits.
    """

    def __init__(self, launch: Launch, say: Say, discard: Callable[[int], None]) -> None:
        self._launch, self._say, self._discard = launch, say, discard
        self._thread = threading.Thread(target=self._run, name="lead", daemon=True)
        self._sending = threading.Lock()
        self._sock: socket.socket | None = None
        self._join: Callable[[], None] = lambda: None
        self._ending = threading.Event()
        self._state = threading.Condition()  # guards all that follows
        self._asked: set[int] = set()
        self._accepted: deque[_Accepted] = deque()
        self._behind_events = 0
        self._ticket = self._filed = self._followed_id = 0
        self._idle = False
        self._hurries = self._hurried = 0
        self._unavailable: Unavailable | None = None
        self._discard_failed = False

    def start(self) -> None:
        """Raises OSError where nothing can be started."""
        self._begin()
        self._thread.start()

    @property
    def is_behind(self) -> bool:
        """Whether much waits to be filed."""
        return self._behind_events > BEHIND_EVENTS

    def hand(self, order: frames.Order) -> None:
        """Have this done in its turn."""
        with self._state:
            if not isinstance(order, Nudge):
                self._asked.add(order.id)
            ticket = self._ticket
        if not self._send(replace(order, ticket=ticket) if isinstance(order, Settle) else order):
            with self._state:
                lost = self._asked & {order.id}  # unless that was told already
                self._asked -= lost
            self._fail(lost)

    def wait_for_room(self) -> None:
        """Raises Unavailable where the log cannot be written, which is tried again, or it stays too far behind."""
        if self._unavailable is not None:
            self._try_again()
        if self._behind_events >= BEHIND_EVENTS_MAX:
            with self._state:
                if not self._state.wait_for(lambda: self._behind_events < BEHIND_EVENTS_MAX, ROOM_WITHIN_S):
                    raise Unavailable("too many events wait to be filed")

    def accepted(self, ticket: int, id: int, events: int) -> None:
        """So many events are safe, by the frame `id`."""
        with self._state:
            self._ticket = ticket
            self._accepted.append(_Accepted(ticket, id, events))
            self._behind_events += events
            idle, self._idle = self._idle, False
        if idle:
            self._send(Nudge())

    def end(self) -> None:
        """No more orders come."""
        self._ending.set()
        with self._sending:
            if self._sock is not None:
                with suppress(OSError):
                    self._sock.shutdown(socket.SHUT_WR)
        self._thread.join()
        self._join()

    def _try_again(self) -> None:
        with self._state:
            self._hurries += 1
            mine = self._hurries
        sent = self._send(Nudge(hurry=mine))
        with self._state:
            if sent:
                self._state.wait_for(lambda: self._hurried >= mine, TRIED_WITHIN_S)
            if self._unavailable is not None:
                raise self._unavailable.with_traceback(None)

    def _send(self, order: frames.Order) -> bool:
        """Whether there is a follower; where it is about to end, its orders fail with that."""
        with self._sending:
            if self._sock is None:
                return False
            with suppress(BrokenPipeError, ConnectionResetError):
                self._sock.sendall(frames.frame(order))
            return True

    # Its own thread ---------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        after_s = RELAUNCH_AFTER_S
        while True:
            after_s = RELAUNCH_AFTER_S if self._hear() else min(2 * after_s, RELAUNCH_AFTER_S_MAX)
            self._lose(lasts=after_s > RELAUNCH_AFTER_S)
            if self._ending.is_set():
                return
            if after_s == RELAUNCH_AFTER_S:
                log.error("what files has ended; another is started")
            while not self._ending.wait(after_s):
                try:
                    self._begin()
                    break
                except OSError as error:
                    log.error("what files cannot be started: %s", error)
                    after_s = RELAUNCH_AFTER_S_MAX

    def _begin(self) -> None:
        near, self._join = self._launch()
        with self._sending:
            self._sock = near
            if self._ending.is_set():
                near.shutdown(socket.SHUT_WR)

    def _hear(self) -> bool:
        """Pass on what the follower says, until it ends; whether it ever said that it could go on."""
        sock, answers, went_on = self._sock, Frames.of_answers(), False
        if sock is None:
            return False
        with suppress(ConnectionResetError):
            while received := sock.recv(RECEIVE_BYTES):
                heard = answers.feed(received)
                went_on = went_on or any(isinstance(each, Followed) and not each.failed for each in heard)
                self._say([self._note(each) if isinstance(each, Followed) else self._answered(each) for each in heard])
                self._discard_filed()
        return went_on

    def _lose(self, *, lasts: bool) -> None:
        with self._sending:
            if self._sock is not None:
                self._sock.close()
            self._sock = None
        self._join()
        with self._state:
            asked, self._asked, self._idle = self._asked, set(), False
            if lasts:
                self._unavailable = _ended()
            self._state.notify_all()
        self._fail(asked)

    def _fail(self, ids: set[int]) -> None:
        if ids:
            self._say([Failed(sorted(ids), frames.pack_error(_ended()))])

    def _answered(self, answer: Committed | Done | Failed) -> frames.Answer:
        with self._state:
            self._asked -= {answer.id} if isinstance(answer, Done) else set(answer.ids)
        return answer

    def _note(self, told: Followed) -> Followed:
        """How far it has come, by the frames that the collector knows; who waits for room or for a try goes on."""
        with self._state:
            self._hurried = max(self._hurried, told.hurried)
            if told.failed:
                error = frames.unpack_error(told.error)
                self._unavailable = error if isinstance(error, Unavailable) else None
            else:
                self._unavailable = None
                self._followed_id = max(self._followed_id, told.id)
                self._filed = max(self._filed, told.filed)
            while self._accepted and self._accepted[0].ticket <= told.upto:
                done = self._accepted.popleft()
                self._behind_events -= done.events
                self._followed_id = max(self._followed_id, done.id)
            self._idle = not told.more and not self._accepted
            missed = not told.more and not self._idle
            self._state.notify_all()
            known = Followed(0 if told.failed or told.upto < 0 else self._followed_id, told.failed)
        if missed:  # it was accepted while the follower looked
            self._send(Nudge())
        return replace(known, stored=told.stored, duplicates=told.duplicates, dropped=told.dropped)

    def _discard_filed(self) -> None:
        try:
            self._discard(self._filed)
            self._discard_failed = False
        except Exception as error:
            if not self._discard_failed:
                log.error("what is filed cannot be thrown away: %s", error)
            self._discard_failed = True


def _ended() -> Unavailable:
    return Unavailable("what files has ended and starts again", retry_after_s=1)
