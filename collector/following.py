"""What files and derives for a collector: `python -m collector.following DB LOG_FORMAT DESCRIPTOR`.

`collector.writing` starts it. What enters: the database file and one end of a socket pair. What leaves: what the
follower says there. Nobody waits for it who has been told that a call is safe: it gives way to all others.
"""

from __future__ import annotations

import logging
import os
import socket
import sqlite3
import sys

from collector import beside
from collector.errors import FootfallError
from collector.ingest.follower import follow
from collector.store.sqlite.store import SqliteStore

log = logging.getLogger(__name__)

# Clients are told soon to come again; commands that write beside the collector take less.
BUSY_MS_MAX = 2_000
# The lowest: it has what the others leave it. When so much waits that calls must wait, too, that is enough.
NICE = 19


def main(db: str, log_format: str, descriptor: int) -> int:
    """Follow until the scribe closes its end. Returns 1 where the database cannot be opened."""
    beside.begin(log_format)
    try:
        store = SqliteStore.open(db, create=False, busy_ms=BUSY_MS_MAX)
    except (FootfallError, sqlite3.Error) as error:
        log.error("the database cannot be opened to write: %s", error)
        return 1
    try:
        os.nice(NICE)
        beside.go_on()
        follow(store, socket.socket(fileno=descriptor))
    finally:
        store.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
