"""How many look-ups are under way. While there are any, who takes calls takes few at a time and lets them go first.

What enters: that one begins, and ends. What leaves: whether somebody waits. On one core a look-up's thread would else
wait for all the calls that came at once. It knows neither calls nor what is looked up. It is the event loop's own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

COMING_TURNS = 2


class Lookups:
    """Those of one application."""

    def __init__(self) -> None:
        self._under_way = self._coming_turns = 0

    @property
    def any(self) -> bool:
        return self._under_way > 0 or self._coming_turns > 0

    def come(self) -> None:
        """A request has arrived that may be one; within a few turns of the loop it is under way, or it was none."""
        self._coming_turns = COMING_TURNS

    @contextmanager
    def one(self) -> Iterator[None]:
        """One is under way within."""
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1

    def let_go_first(self) -> None:
        """At the end of a turn: let a thread have this core that waits for it."""
        if self._coming_turns:
            self._coming_turns -= 1
        if self._under_way:
            os.sched_yield()
