"""The scribe: one loop that makes calls safe, at the far end of the writer's socket; a process or a thread.

What enters: frames. What leaves: answers, once what they tell is on disk. Calls that are plainly to be kept it makes
safe itself, many to a commit; all else it hands to its follower, ahead of which it runs. It knows no SQL, no web and no
event loop.
"""

from __future__ import annotations

import logging
import socket
import threading
import time

from collector.errors import Unavailable
from collector.event import Event
from collector.ingest import frames
from collector.ingest.frames import Append, Frames, Launch
from collector.ingest.lead import Lead
from collector.store.keeper import Keeper

log = logging.getLogger(__name__)

RECEIVE_BYTES = 1 << 20
# While much waits to be filed, calls gather for so long: fewer commits leave more of the core to the follower, which
# else falls further behind.
GATHER_S = 0.002


class Scribe:
    """Call `run` once; it returns when the other end has closed and all that it sent is written.

    `launch` starts its follower.
    """

    def __init__(self, keeper: Keeper, sock: socket.socket, launch: Launch) -> None:
        self._keeper, self._sock = keeper, sock
        self._frames = Frames.of_orders()
        self._saying = threading.Lock()
        self._lead = Lead(launch, self._say, keeper.discard)
        # A failure is logged when it begins, not at each try.
        self._disk_failed = False

    def run(self) -> None:
        self._lead.start()
        try:
            while received := self._sock.recv(RECEIVE_BYTES):
                self._take(self._frames.feed(received))
                if self._lead.is_behind:
                    time.sleep(GATHER_S)
        except ConnectionResetError:
            pass
        finally:
            self._lead.end()
            self._sock.close()

    def _take(self, orders: list[frames.Order]) -> None:
        """What came together shares a commit; then comes what came among it."""
        group = [order for order in orders if isinstance(order, Append) and not order.straight]
        if group:
            self._accept(group)
        for order in orders:
            if not isinstance(order, Append) or order.straight:
                self._lead.hand(order)

    def _accept(self, group: list[Append]) -> None:
        events: list[Event] = group[0].events if len(group) == 1 else [each for one in group for each in one.events]
        ids = [each.id for each in group]
        began_s = time.monotonic()
        try:
            self._lead.wait_for_room()
            ticket = self._keeper.accept(events)
        except Unavailable as error:
            if not self._disk_failed:
                log.warning("nothing can be stored: %s", error)
            self._disk_failed = True
            self._say([frames.Failed(ids, frames.pack_error(error))])
            return
        except Exception as error:
            log.error("calls could not be accepted together", exc_info=error)
            ticket = None
        if ticket is None:
            for each in group:
                self._lead.hand(each)
            return
        if self._disk_failed:
            log.warning("calls are stored again")
        self._disk_failed = False
        self._lead.accepted(ticket, ids[-1], len(events))
        self._say([frames.accepted(ids, time.monotonic() - began_s, len(events))])

    def _say(self, answers: list[frames.Answer]) -> None:
        if not answers:
            return
        said = b"".join(map(frames.frame, answers))
        with self._saying:
            try:
                self._sock.sendall(said)
            except (BrokenPipeError, ConnectionResetError):
                log.info("the collector ended before its writer")
