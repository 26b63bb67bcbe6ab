"""Audit: who looked up, exported, unlinked or erased whom, and when. Owners only.

What enters: a customer's key, where only they are of interest. What leaves: the page, newest first.
"""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from collector.store import Store
from collector.store.audit import OF_PERSONS, By
from collector.web import asked
from collector.web.console.customers import address
from collector.web.console.page import render

ROOM = "/console/audit"
PAGE = 50
WAYS = {
    By.USER: "User",
    By.LINK: "One-time link",
    By.TOKEN: "Token",
    By.COMMAND: "Command line",
    By.VISITOR: "The visitor, on a page of the shop",
}


async def show(request: Request) -> Response:
    """The newest deeds, or those before."""
    key, before = asked.text(request, "key"), asked.text(request, "before") or ""
    number = int(before) if before.isascii() and before.isdigit() and len(before) < 16 else None
    await request.app.state.audit.write()
    store: Store = request.app.state.store
    deeds = await asyncio.to_thread(store.audit, key.strip() if key else None, number, PAGE + 1)
    return render(
        request,
        "audit.html",
        deeds=deeds[:PAGE],
        older=deeds[PAGE - 1].id if len(deeds) > PAGE else None,
        newest=number is None,
        key=key or "",
        ways=WAYS,
        of_persons=OF_PERSONS,
        address=address,
    )


routes: list[BaseRoute] = [Route(ROOM, show, methods=["GET"])]
