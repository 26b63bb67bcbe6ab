"""How a scribe and its follower are started: as threads over a store that is open here, or as processes of their own.

What enters: a store, or a command. What leaves: a socket to what was started, and a function that waits for its end.
"""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from collector.ingest.follower import follow
from collector.ingest.frames import Launch
from collector.ingest.scribe import Scribe
from collector.store import Log
from collector.store.keeper import Keeper

# To glibc: threads share what they have freed. It takes 10 MB less, and none that is started so has threads that vie.
_SPARING = {"MALLOC_ARENA_MAX": "1"}


class Whole(Keeper, Log, Protocol):
    """A store that does both parts."""


Started = tuple[socket.socket, Callable[[], None]]


def in_thread(store: Whole) -> Launch:
    """For tests, and where one process must do."""

    def launch_follower() -> Started:
        return _thread("follower", lambda far: follow(store, far))

    def launch() -> Started:
        return _thread("writer", lambda far: Scribe(store, far, launch_follower).run())

    return launch


def _thread(name: str, run: Callable[[socket.socket], None]) -> Started:
    near, far = socket.socketpair()
    thread = threading.Thread(target=run, args=[far], name=name, daemon=True)
    thread.start()
    return near, thread.join


def in_process(command: Sequence[str], keep_open: Sequence[int] = ()) -> Launch:
    """The command gets the socket's descriptor as its last argument. Its own interpreter, hence its own lock.

    `keep_open`: descriptors that it holds until it ends, such as that of the database's lock.
    """

    def launch() -> Started:
        near, far = socket.socketpair()
        try:
            with far:
                inherited = [far.fileno(), *keep_open]
                whole = [*command, str(far.fileno())]
                process = subprocess.Popen(whole, pass_fds=inherited, env={**os.environ, **_SPARING})
        except OSError:
            near.close()
            raise

        def join() -> None:
            process.wait()

        return near, join

    return launch


@contextmanager
def ahead(launch: Launch) -> Iterator[Launch]:
    """Start it now, for whoever launches first: it gets ready beside what is to be done before that."""
    started = [launch()]
    try:
        yield lambda: started.pop() if started else launch()
    finally:
        for near, join in started:
            near.close()
            join()
