"""The console: the routes of all its rooms, and nothing else. A room is a module that exports `routes`."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from collector.web import assets
from collector.web.console import (
    account,
    audit,
    customer,
    customer_acts,
    customers,
    home,
    install,
    live,
    quarantine,
    signin,
    sites,
    users,
    visitors,
)

ROOMS = (
    account,
    audit,
    customers,
    customer_acts,
    customer,
    home,
    install,
    live,
    quarantine,
    signin,
    sites,
    users,
    visitors,
)


async def _to_home(request: Request) -> Response:
    return RedirectResponse("/console/", 307)


routes: list[BaseRoute] = [
    Route("/", _to_home, methods=["GET"]),
    Route("/console", _to_home, methods=["GET"]),  # else by a whole address, with the scheme that a proxy speaks to us
    *assets.routes,
    *(route for room in ROOMS for route in room.routes),
]
