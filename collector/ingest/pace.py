"""How fast one address may send: a token bucket for each, in bounded memory.

What enters: an address and the present moment. What leaves: 0, or how long to wait. The bucket is kept as the one
number of the generic cell rate algorithm (ITU-T I.371): the time at which it would be full again.
"""

from __future__ import annotations

ADDRESSES_MAX = 100_000


class Pace:
    """`rate` requests a second, as many of them at once; 0 is no limit."""

    def __init__(self, rate: float, addresses_max: int = ADDRESSES_MAX) -> None:
        self._rate = rate
        self._burst_s = max(rate, 1.0) / rate if rate > 0 else 0.0
        self._addresses_max = addresses_max
        self._full_at: dict[str, float] = {}

    def wait_s(self, address: str, now_s: float) -> float:
        """0 where the request may pass, and then it is counted; else the seconds until one may."""
        if self._rate <= 0:
            return 0.0
        full_at = max(self._full_at.pop(address, now_s), now_s) + 1 / self._rate
        over_s = full_at - now_s - self._burst_s
        if over_s > 1e-9:
            self._full_at[address] = full_at - 1 / self._rate
            return over_s
        self._make_room()
        self._full_at[address] = full_at
        return 0.0

    def _make_room(self) -> None:
        """The address that was silent longest is forgotten first: its bucket is the likeliest to be full again."""
        if len(self._full_at) >= self._addresses_max:
            del self._full_at[next(iter(self._full_at))]
