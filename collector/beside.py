"""What a collector's processes have in common: who has which core, what is spared, and who ends whom.

What enters: how to log, which core. It stands under all of them and loads nothing of theirs.
"""

from __future__ import annotations

import gc
import os
import signal

from collector import logs

# Requests and entries leave no cycles behind: looking for some less often, and never among what the start has made,
# spares an eighth of a request's time.
GARBAGE_THRESHOLDS = (50_000, 20, 100)
ANY_CORE = -1


def cores() -> tuple[int, int]:
    """Where there are just two: the one for whoever answers, and the one for those who write beside it.

    Elsewhere ANY_CORE twice. Of two, the kernel puts whoever is woken beside a busy neighbour, and they take turns; and
    who holds the interpreter would wait for a core while the loop waits for the interpreter.
    """
    allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return (allowed[0], allowed[1]) if len(allowed) == 2 else (ANY_CORE, ANY_CORE)


def keep_to(core: int) -> None:
    """This thread, and all that it starts from now on."""
    if core != ANY_CORE:
        os.sched_setaffinity(0, {core})


def begin(log_format: str) -> None:
    """For those beside it, first: SIGINT and SIGTERM are the collector's business."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    logs.set_up(log_format)


def go_on() -> None:
    """Call it when the start is over."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)
