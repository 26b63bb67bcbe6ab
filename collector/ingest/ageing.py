"""Retention by the clock: while the collector runs, each day's old events leave, a little between commits; and every
ten minutes words that nothing uses any more, and copies of what was erased.

What enters: the writer, the store, the time. What leaves: nothing. What is old is for the store to know.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from collector.errors import FootfallError
from collector.ingest.scrubbing import scrub
from collector.ingest.writer import Writer
from collector.store import Store

FIRST_AFTER_S = 5.0
AGAIN_AFTER_S = 600.0
PAUSE_S = 0.05
log = logging.getLogger(__name__)


async def age_daily(writer: Writer, store: Store, clock_ms: Callable[[], int]) -> None:
    """Never returns. A step that fails is tried again later."""
    await asyncio.sleep(FIRST_AFTER_S)
    while True:
        try:
            if await asyncio.to_thread(store.retentions):
                await _age(writer, store, clock_ms)
            await _sweep(writer, store)
            await scrub(writer, store)
        except FootfallError as error:
            log.warning("old events could not leave: %s", error)
        except Exception:
            log.exception("old events could not leave")
        await asyncio.sleep(AGAIN_AFTER_S)


async def _age(writer: Writer, store: Store, clock_ms: Callable[[], int]) -> None:
    while await writer.run(Store.age, clock_ms()):
        await asyncio.sleep(PAUSE_S)


async def _sweep(writer: Writer, store: Store) -> None:
    """Words of what has aged, and of what browsers had erased."""
    survey = await asyncio.to_thread(store.survey_aged)
    if survey is not None:
        await writer.run(Store.sweep_aged, survey)
