"""The demo: a small real shop that tells the collector what happens in it, and a made-up quarter of its past.

What leaves is an application for `footfall demo` to hang under /demo/. It speaks to the collector as any shop does, by
the tag in its pages and by the wire, and knows neither store nor writer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles

from collector.demo import accounts, cart, checkout, counter, shopfront
from collector.demo.visit import Shop, refused

Refusal = Callable[[Request, Exception], Awaitable[Response]]
_PAGES: list[BaseRoute] = [
    *shopfront.routes,
    *cart.routes,
    *accounts.routes,
    *checkout.routes,
    *counter.routes,
]


def mounted(shop: Shop) -> Mount:
    """The shop under /demo/."""
    static = Mount("/static", StaticFiles(directory=Path(__file__).parent / "static"))
    refusals: dict[type[Exception] | int, Refusal] = {HTTPException: refused}
    application = Starlette(routes=[static, *_PAGES], exception_handlers=refusals)
    application.state.shop = shop
    return Mount("/demo", application)
