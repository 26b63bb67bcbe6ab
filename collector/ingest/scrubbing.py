"""After an erasure: the copies that the store may have kept where no row is go too, a little between commits.

What enters: the writer, the store. What leaves: nothing. Where copies are is for the store to know.
"""

from __future__ import annotations

import asyncio

from collector.ingest.writer import Writer
from collector.store import Store


async def scrub(writer: Writer, store: Store) -> None:
    """Raises Unavailable while somebody reads what was before; then it is due still."""
    soiled = await asyncio.to_thread(store.soiled)
    if soiled is not None:
        for places in soiled.steps():
            await writer.run(Store.blank, places)
        await writer.run(Store.scrubbed, soiled.mark)
