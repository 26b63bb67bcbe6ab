"""The part of the port that tells a newcomer whether anything arrives.

What enters: a site's name. What leaves: its first event, if it came, and counts of what came and was not stored.
"""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct


class FirstEvent(Struct, frozen=True, kw_only=True):
    """A site's first stored event; all but the time is '' where it was erased since."""

    received: int
    type: str
    name: str
    url: str


class Beginning(Struct, frozen=True):
    """`left`: how many calls were not stored since a day, by why: `quarantined:REASON` or `dropped:WHY`."""

    first: FirstEvent | None
    left: dict[str, int]


class Beginnings(Protocol):
    """Whether anything arrives."""

    def beginning(self, site: str, since_day: str) -> Beginning:
        """`since_day` as 2026-05-01, a day of UTC. A site that is not there has no beginning."""
