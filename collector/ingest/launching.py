"""How a scribe is started: as a thread over a store that is open here, or as a process of its own.

What enters: the far end of a socket pair. What leaves: a function that waits for the scribe's end.
"""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Callable, Sequence

from collector.ingest.scribe import Scribe
from collector.ingest.writer import Launch
from collector.store import Log


def in_thread(store: Log) -> Launch:
    """For tests, and where one process must do."""

    def launch(far: socket.socket) -> Callable[[], None]:
        thread = threading.Thread(target=Scribe(store, far).run, name="writer", daemon=True)
        thread.start()
        return thread.join

    return launch


def in_process(command: Sequence[str], keep_open: Sequence[int] = ()) -> Launch:
    """The command gets the socket's descriptor as its last argument. Its own interpreter, hence its own lock.

    `keep_open`: descriptors that it holds until it ends, knowing nothing of them, such as that of the database's lock.
    """

    def launch(far: socket.socket) -> Callable[[], None]:
        with far:
            process = subprocess.Popen([*command, str(far.fileno())], pass_fds=[far.fileno(), *keep_open])

        def join() -> None:
            process.wait()

        return join

    return launch
