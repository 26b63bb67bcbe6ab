"""What writes for a collector: `python -m collector.writing DB LOG_FORMAT DESCRIPTOR`, started by `footfall serve`.

What enters: the database file and the inherited end of a socket pair. What leaves: what the scribe says there.
It stands beside the command line, a root of its own, so that it loads nothing that it does not need.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import socket
import sqlite3
import sys

from collector import logs
from collector.errors import FootfallError
from collector.ingest.scribe import Scribe
from collector.store.sqlite import SqliteStore

log = logging.getLogger(__name__)

# Clients are told soon to come again; commands that write beside the collector take less.
BUSY_MS_MAX = 2_000

# Two threads: who takes calls in is not to wait long for the interpreter.
SWITCH_S = 0.000_2

# As in `cli/serve`: entries leave no cycles behind.
GARBAGE_THRESHOLDS = (50_000, 20, 100)


def main(db: str, log_format: str, descriptor: int) -> int:
    """Write until the collector closes its end. Signals are its business: it stops this process by closing.

    Returns 1 where the database cannot be opened.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    logs.set_up(log_format)
    _keep_to_one_core()
    try:
        store = SqliteStore.open(db, create=False, busy_ms=BUSY_MS_MAX)
    except (FootfallError, sqlite3.Error) as error:
        log.error("the database cannot be opened to write: %s", error)
        return 1
    try:
        sys.setswitchinterval(SWITCH_S)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GARBAGE_THRESHOLDS)
        Scribe(store, socket.socket(fileno=descriptor)).run()
    finally:
        store.close()
    return 0


def _keep_to_one_core() -> None:
    """Of two cores the last: whoever is woken by a busy neighbour is put beside it, and the two would take turns.

    The follower stays there, too: on the loop's core it would lose the processor to it while it holds the interpreter.
    """
    if hasattr(os, "sched_setaffinity"):
        cores = os.sched_getaffinity(0)
        if len(cores) == 2:
            os.sched_setaffinity(0, {max(cores)})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
