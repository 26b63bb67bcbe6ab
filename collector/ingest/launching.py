"""How a scribe and its follower are started: as threads over a store that is open here, or as processes of their own.

What enters: one end of a socket pair. What leaves: a function that waits for the end of what was started.
"""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from collector.ingest.follower import follow
from collector.ingest.frames import Launch
from collector.ingest.scribe import Scribe
from collector.store import Log
from collector.store.keeper import Keeper


class Whole(Keeper, Log, Protocol):
    """A store that does both parts."""


def in_thread(store: Whole) -> Launch:
    """For tests, and where one process must do."""

    def launch_follower(far: socket.socket) -> Callable[[], None]:
        return _thread("follower", lambda: follow(store, far))

    def launch(far: socket.socket) -> Callable[[], None]:
        return _thread("writer", Scribe(store, far, launch_follower).run)

    return launch


def _thread(name: str, run: Callable[[], None]) -> Callable[[], None]:
    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    return thread.join


def in_process(command: Sequence[str], keep_open: Sequence[int] = ()) -> Launch:
    """The command gets the socket's descriptor as its last argument. Its own interpreter, hence its own lock.

    `keep_open`: descriptors that it holds until it ends, such as that of the database's lock.
    """

    def launch(far: socket.socket) -> Callable[[], None]:
        with far:
            process = subprocess.Popen([*command, str(far.fileno())], pass_fds=[far.fileno(), *keep_open])

        def join() -> None:
            process.wait()

        return join

    return launch
