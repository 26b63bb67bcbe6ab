"""The machine's clock, watched: when it is put forward or back, the operator is told.

What enters: the time of day and a time that only ever grows, both in seconds. What leaves: by how much the first has
jumped against the second since the last look.
"""

from __future__ import annotations

# Less is what a clock is set right by.
JUMP_S_MIN = 60.0


class ClockWatch:
    """Look now and then; the first look only begins."""

    def __init__(self) -> None:
        self._offset_s: float | None = None

    def jumped_s(self, now_s: float, monotonic_s: float) -> float:
        """Seconds that the clock was put forward (or, below zero, back); 0 where it went on as it should."""
        offset_s = now_s - monotonic_s
        before_s, self._offset_s = self._offset_s, offset_s
        jump_s = 0.0 if before_s is None else offset_s - before_s
        return jump_s if abs(jump_s) >= JUMP_S_MIN else 0.0
