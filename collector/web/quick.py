"""Which look-ups were quick lately: those are made on the event loop itself, without a thread to wait for.

What enters: what was looked up, and how long that took. What leaves: whether to look it up where all calls wait. What
was read a moment ago is in memory, so the disk holds nobody up. It knows neither what is read nor how.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Hashable

# All calls wait for one that is made here: past the second it is given up, and looked up in a thread.
QUICK_S, QUICK_S_MAX = 0.003, 0.006
# Others use the memory, too, in which what was read is kept.
FRESH_S = 600.0
KEPT_MAX = 4_096


class Quick:
    """Those of one application."""

    def __init__(self) -> None:
        self._until_s: OrderedDict[Hashable, float] = OrderedDict()

    def has(self, asked: Hashable) -> bool:
        return self._until_s.get(asked, 0.0) > time.monotonic()

    def note(self, asked: Hashable, took_s: float) -> None:
        """It was looked up just now, and used a processor for so long."""
        self._until_s.pop(asked, None)
        if took_s <= QUICK_S:
            self._until_s[asked] = time.monotonic() + FRESH_S
            if len(self._until_s) > KEPT_MAX:
                self._until_s.popitem(last=False)

    def forget(self, asked: Hashable) -> None:
        self._until_s.pop(asked, None)
