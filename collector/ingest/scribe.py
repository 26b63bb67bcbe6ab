"""The scribe: one loop that writes everything, at the far end of the writer's socket; a process or a thread.

What enters: frames. What leaves: answers, once what they tell is on disk. Between commits it keeps what is derived up
with the log. It knows no SQL, no web and no event loop.
"""

from __future__ import annotations

import logging
import pickle
import select
import socket
import time
from collections import deque
from typing import Any

from collector.errors import Unavailable
from collector.ingest import frames
from collector.ingest.frames import Append, Frames, Nudge, Settle, Work
from collector.store import Entry, Log

log = logging.getLogger(__name__)

GROUP_EVENTS_MAX = 2_000
# What is derived gathers for a while, and then follows where no call waits, in steps too short to be felt by one that
# comes; late by so much, between commits; later still, in larger steps, which cost less, but calls wait for them.
FOLLOW_EVERY_S = 0.25
FOLLOW_LATE_S = 0.5
FOLLOW_VERY_LATE_S = 2.0
FOLLOW_EVENTS = 64
FOLLOW_VERY_LATE_EVENTS = 250
RECEIVE_BYTES = 1 << 20


class Scribe:
    """Call `run` once; it returns when the other end has closed and all that it sent is written."""

    def __init__(self, store: Log, sock: socket.socket) -> None:
        self._store = store
        self._sock = sock
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)
        self._frames = Frames.of_orders()
        self._waiting: deque[Any] = deque()  # frames that have come and are not done
        self._open = True
        self._settling: list[int] = []
        self._behind = True
        self._follow_due_s = 0.0
        self._behind_since_s = time.monotonic()
        # A failure is logged when it begins, not at each try.
        self._follow_failed = False
        self._disk_failed = False
        self._last_id = 0
        self._answers: list[frames.Answer] = []

    def run(self) -> None:
        try:
            while self._open or self._waiting or self._settling:
                self._receive()
                self._take_turn()
                self._answer()
        except (BrokenPipeError, ConnectionResetError):
            log.warning("the collector ended before its writer")
        finally:
            self._sock.close()

    # One turn ------------------------------------------------------------------------------------------------------

    def _receive(self) -> None:
        """Take in what has come; wait for it where there is nothing else to do."""
        if not self._open or not self._hears(0.0 if self._waiting else self._patience_s()):
            return
        received = self._sock.recv(RECEIVE_BYTES)
        self._open = bool(received)
        self._waiting += self._frames.feed(received)

    def _hears(self, patience_s: float | None) -> bool:
        """Whether something has come, or comes within that time; None: however long it takes."""
        return bool(self._poll.poll(None if patience_s is None else patience_s * 1_000))

    def _patience_s(self) -> float | None:
        """How long there is nothing to do but wait; None: until something comes."""
        if self._settling:
            return 0.0
        return max(0.0, self._follow_due_s - time.monotonic()) if self._behind else None

    def _take_turn(self) -> None:
        group, others = self._take()
        if group:
            self._append(group)
        for other in others:
            self._last_id = max(self._last_id, other.id)
            if isinstance(other, Settle):
                self._settling.append(other.id)
            elif isinstance(other, Work):
                self._do(other)
            self._fall_behind()
        # Who waits for the disk need not wait for what is derived.
        self._answer()
        self._follow_if_due()

    def _follow_if_due(self) -> None:
        if self._settling:
            self._follow(FOLLOW_VERY_LATE_EVENTS)
            return
        now_s = time.monotonic()
        if not self._behind or now_s < self._follow_due_s:
            return
        late_s = now_s - self._behind_since_s
        if late_s >= FOLLOW_VERY_LATE_S:
            self._follow(FOLLOW_VERY_LATE_EVENTS)
        elif late_s >= FOLLOW_LATE_S or not (self._waiting or self._hears(0.0)):
            self._follow(FOLLOW_EVENTS)

    def _fall_behind(self) -> None:
        """The log has grown, or may have."""
        if not self._behind:
            self._behind, self._behind_since_s = True, time.monotonic()

    def _take(self) -> tuple[list[Append], list[Work | Settle | Nudge]]:
        """A group of appends, and what came among them."""
        group: list[Append] = []
        others: list[Work | Settle | Nudge] = []
        events = 0
        while self._waiting and events < GROUP_EVENTS_MAX:
            waiting = self._waiting.popleft()
            if isinstance(waiting, Append):
                group.append(waiting)
                events += len(waiting.order) or len(waiting.events)
            else:
                others.append(waiting)
        return group, others

    def _append(self, group: list[Append]) -> None:
        entries: list[Entry] = group[0].entries if len(group) == 1 else [each for one in group for each in one.entries]
        ids = [each.id for each in group]
        began_s = time.monotonic()
        try:
            outcomes = self._store.append(entries)
        except Unavailable as error:
            if not self._disk_failed:
                log.warning("nothing can be stored: %s", error)
            self._disk_failed = True
            self._answers.append(frames.Failed(ids, frames.pack_error(error)))
        except Exception as error:
            if len(group) > 1:
                for each in group:
                    self._append([each])
                return
            self._answers.append(frames.Failed(ids, frames.pack_error(error)))
        else:
            if self._disk_failed:
                log.warning("calls are stored again")
            self._disk_failed = False
            self._last_id = max(self._last_id, ids[-1])
            self._fall_behind()
            took_s = time.monotonic() - began_s
            self._answers.append(frames.Committed(ids, took_s, frames.pack_outcomes(outcomes)))

    def _do(self, work: Work) -> None:
        try:
            result = getattr(self._store, work.name)(*pickle.loads(work.arguments))
        except Exception as error:
            self._answers.append(frames.Failed([work.id], frames.pack_error(error)))
        else:
            self._answers.append(frames.Done(work.id, pickle.dumps(result)))

    def _follow(self, events_max: int) -> None:
        waiting, self._settling = self._settling, []
        try:
            self._behind = self._store.follow(events_max)
        except Exception as error:
            self._follow_due_s = time.monotonic() + FOLLOW_EVERY_S
            if not self._follow_failed:
                log.error("what is derived could not follow the log", exc_info=error)
            self._follow_failed = True
            self._answers.append(frames.Followed(0, failed=True))
            if waiting:
                self._answers.append(frames.Failed(waiting, frames.pack_error(error)))
            return
        if self._follow_failed:
            log.warning("what is derived follows the log again")
        self._follow_failed = False
        if self._behind:
            self._settling = waiting
            self._follow_due_s = 0.0
        else:
            self._follow_due_s = time.monotonic() + FOLLOW_EVERY_S
            self._answers.append(frames.Followed(self._last_id))
            self._answers += [frames.Done(id) for id in waiting]

    def _answer(self) -> None:
        if self._answers:
            self._sock.sendall(b"".join(map(frames.frame, self._answers)))
            self._answers.clear()
