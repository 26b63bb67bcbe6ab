"""Look-ups of one key that show all that was acknowledged before they were asked for.

What enters: what is to be read, and of whom. What leaves: what was read. It waits for what is derived only where that
may touch the key: others' calls, of which there may be thousands a second, hold nobody up. It knows no SQL.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from starlette.datastructures import State

from collector.errors import Misuse
from collector.store import Store
from collector.store.touched import Touched

T = TypeVar("T")
_UNSETTLED: Any = object()


async def read_settled(state: State, key: str, read: Callable[..., T], *asked: Any) -> T:
    """`read(*asked)` in a thread. Raises Misuse: a made-up cursor may hold a number that no store can look for."""
    try:
        with state.lookups.one():
            found = await asyncio.to_thread(_read_if_settled, state.store, key, state.writer.touched, read, asked)
        if found is not _UNSETTLED:
            return found
        await state.writer.settle(surely=True)
        with state.lookups.one():
            return await asyncio.to_thread(read, *asked)
    except OverflowError as error:
        raise Misuse("the cursor is not one that was given") from error


def _read_if_settled(store: Store, key: str, touched: Touched, read: Callable[..., T], asked: tuple[Any, ...]) -> T:
    with store.snapshot():
        return _UNSETTLED if store.is_unsettled(key, touched) else read(*asked)
