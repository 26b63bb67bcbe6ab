"""Look-ups of one key that show all that was acknowledged before they were asked for.

What enters: what is to be read, and of whom. What leaves: what was read. It waits for what is derived only where that
may touch the key: others' calls, of which there may be thousands a second, hold nobody up. It knows no SQL.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast

from starlette.datastructures import State

from collector.errors import Misuse, TooSlow
from collector.store import Store
from collector.store.touched import Touched
from collector.web.quick import QUICK_S_MAX

T = TypeVar("T")
_UNSETTLED: Any = object()


async def read_settled(state: State, key: str, read: Callable[..., T], *asked: Any) -> T:
    """`read(*asked)`, in a thread unless that was quick lately.

    Raises Misuse: a made-up cursor may hold a number that no store can look for.
    """
    what = read, asked
    try:
        found = await _read(state, what, _read_if_settled, state.store, key, state.writer.touched, read, asked)
        if found is _UNSETTLED:
            await state.writer.settle(surely=True)
            found = await _read(state, what, read, *asked)
    except OverflowError as error:
        raise Misuse("the cursor is not one that was given") from error
    return cast(T, found)


async def _read(state: State, what: Hashable, read: Callable[..., Any], *asked: Any) -> Any:
    if state.quick.has(what):
        try:
            with state.store.snapshot(QUICK_S_MAX):
                return read(*asked)
        except TooSlow:
            state.quick.forget(what)
    with state.lookups.one():
        found, took_s = await asyncio.to_thread(_timed, read, asked)
    if found is not _UNSETTLED:
        state.quick.note(what, took_s)
    return found


def _timed(read: Callable[..., T], asked: tuple[Any, ...]) -> tuple[T, float]:
    """What was read, and how long that used a processor."""
    began_s = time.thread_time()
    return read(*asked), time.thread_time() - began_s


def _read_if_settled(store: Store, key: str, touched: Touched, read: Callable[..., T], asked: tuple[Any, ...]) -> T:
    with store.snapshot():
        return _UNSETTLED if store.is_unsettled(key, touched) else read(*asked)
