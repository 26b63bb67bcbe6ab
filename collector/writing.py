"""What writes for a collector: `python -m collector.writing DB LOG_FORMAT DESCRIPTOR`, started by `footfall serve`.

What enters: the database file and the inherited end of a socket pair. What leaves: what the scribe says there.
It stands beside the command line, a root of its own, so that it loads nothing that it does not need.
"""

from __future__ import annotations

import gc
import signal
import socket
import sys

from collector import logs
from collector.ingest.scribe import Scribe
from collector.store.sqlite import SqliteStore

# As in `cli/serve`: entries leave no cycles behind.
GARBAGE_THRESHOLDS = (50_000, 20, 100)


def main(db: str, log_format: str, descriptor: int) -> None:
    """Write until the collector closes its end. Signals are its business: it stops this process by closing."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    logs.set_up(log_format)
    store = SqliteStore.open(db, create=False)
    try:
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GARBAGE_THRESHOLDS)
        Scribe(store, socket.socket(fileno=descriptor)).run()
    finally:
        store.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
