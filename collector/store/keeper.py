"""The port of what makes calls safe before they are in the log.

What enters: events that were accepted. What leaves: tickets. It judges only what is plain, and files nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from collector.event import Event


class Keeper(Protocol):
    """What makes calls safe before they are in the log. May be called beside the log's writer, by one thread."""

    def accept(self, events: Sequence[Event]) -> int | None:
        """Make these safe; on disk when it returns. `follow` brings them into the log.

        Returns a ticket, which grows; or None, and then kept nothing: they are not plainly to be kept, and `append`
        must judge them. Raises Unavailable.
        """

    def discard(self, filed: int) -> None:
        """What was accepted up to this ticket is in the log. May be called by another thread. Raises Unavailable."""
