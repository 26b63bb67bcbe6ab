"""The audit log's near end: what is done is noted at once and written a moment later, so that no look-up waits for it.

What enters: who did what to whom, on the loop. What leaves: deeds, through the writer. What changes something is
written before it is answered. It knows no route.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from msgspec.structs import replace

from collector.errors import Unavailable
from collector.ingest.writer import Writer
from collector.store import Store
from collector.store.audit import Act, Actor, Deed

log = logging.getLogger(__name__)

WRITE_AT = 1_000  # deeds that wait; else they are written twice a second
WAITING_MAX = 50_000


class Audit:
    """Belongs to one event loop."""

    def __init__(self, writer: Writer, clock_ms: Callable[[], int]) -> None:
        self._writer, self._clock_ms = writer, clock_ms
        self._waiting: dict[tuple[Actor, Act, str], Deed] = {}
        self._writing: asyncio.Task[None] | None = None

    def note(self, actor: Actor, act: Act, subject: str = "") -> None:
        """Remember it; alike ones are one deed that counts."""
        at = self._clock_ms()
        found = self._waiting.get((actor, act, subject))
        if found is not None:
            self._waiting[actor, act, subject] = replace(found, n=found.n + 1, last=at)
            return
        if len(self._waiting) >= WAITING_MAX:
            log.error("the audit log cannot be written; what was done now is not in it")
            return
        self._waiting[actor, act, subject] = Deed(actor=actor, act=act, subject=subject, time=at, last=at)
        if len(self._waiting) >= WRITE_AT and (self._writing is None or self._writing.done()):
            self._writing = asyncio.create_task(self.write())

    async def keep(self, actor: Actor, act: Act, subject: str = "") -> None:
        """Remember it, on disk when this returns."""
        self.note(actor, act, subject)
        await self.write()

    async def write(self) -> None:
        """Write what waits. Where that cannot be now, it goes on waiting."""
        waiting, self._waiting = self._waiting, {}
        if not waiting:
            return
        try:
            await self._writer.run(Store.note, [*waiting.values()])
        except Unavailable:
            self._waiting = waiting | self._waiting
