"""What makes calls safe for a collector: `python -m collector.writing DB LOG_FORMAT CORE LOCK DESCRIPTOR`.

`footfall serve` starts it, and it starts `collector.following`. What enters: the database file, the descriptor of its
lock, one end of a socket pair. What leaves: what the scribe says there. A root of its own, so that it loads little.
"""

from __future__ import annotations

import logging
import socket
import sqlite3
import sys

from collector import beside
from collector.errors import FootfallError
from collector.ingest.launching import in_process
from collector.ingest.scribe import Scribe
from collector.store.sqlite.keeping import Keeping

log = logging.getLogger(__name__)

# Two threads: who takes calls in is not to wait long for the interpreter.
SWITCH_S = 0.000_2


def main(db: str, log_format: str, core: int, lock: int, descriptor: int) -> int:
    """Keep calls until the collector closes its end. Returns 1 where the database cannot be opened."""
    beside.begin(log_format)
    beside.keep_to(core)
    follow = [sys.executable, "-m", "collector.following", db, log_format]
    try:
        keeping = Keeping.open(db)
    except (FootfallError, sqlite3.Error) as error:
        log.error("the database cannot be opened to write: %s", error)
        return 1
    try:
        sys.setswitchinterval(SWITCH_S)
        beside.go_on()
        Scribe(keeping, socket.socket(fileno=descriptor), in_process(follow, keep_open=[lock])).run()
    except OSError as error:
        log.error("what files cannot be started: %s", error)
        return 1
    finally:
        keeping.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])))
