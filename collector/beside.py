"""What the processes beside a collector have in common: they end when it closes their socket, and no signal ends them.

What enters: how to log. It stands under them, loads nothing of theirs, and leaves nothing but settings behind.
"""

from __future__ import annotations

import gc
import signal

from collector import logs

# As in `cli/serve`: entries leave no cycles behind.
GARBAGE_THRESHOLDS = (50_000, 20, 100)


def begin(log_format: str) -> None:
    """Call it first: SIGINT and SIGTERM are the collector's business."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    logs.set_up(log_format)


def go_on() -> None:
    """Call it when all is open."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)
