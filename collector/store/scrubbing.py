"""The part of the port that keeps an erasure's promise to the last byte: a store may keep copies where no row is.

What enters: what was looked for while nobody had to wait. What leaves: nothing but those copies, a little at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from msgspec import Struct

# What holds up the writer for about a tenth of a second.
PLACES_A_STEP = 2_000


class Soiled(Struct, frozen=True):
    """Where copies may be, of what had been erased when `mark` was given."""

    mark: str
    places: list[int]

    def steps(self) -> Iterator[list[int]]:
        for start in range(0, len(self.places), PLACES_A_STEP):
            yield self.places[start : start + PLACES_A_STEP]


class Scrubs(Protocol):
    """First look, then blank what was found, then say that it is done."""

    def soiled(self) -> Soiled | None:
        """Looks through the whole file, in little memory. None: nothing was erased since the last time.

        Raises Unavailable while somebody reads what was before.
        """

    def blank(self, places: Sequence[int]) -> None:
        """Raises Unavailable while somebody reads what was before."""

    def scrubbed(self, mark: str) -> None:
        """All of that was done."""


def scrub(store: Scrubs) -> None:
    """All of it, for whoever has nobody waiting. Raises Unavailable; then it is due still."""
    soiled = store.soiled()
    if soiled is not None:
        for places in soiled.steps():
            store.blank(places)
        store.scrubbed(soiled.mark)
