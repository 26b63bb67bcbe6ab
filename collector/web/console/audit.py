"""Audit: who looked up, exported, unlinked or erased whom, and when. Owners only.

What enters: a customer's key, where only they are of interest. What leaves: the page, newest first.
"""

from __future__ import annotations

import asyncio
import re

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
_PLACE = re.compile("([0-9]{1,15})-([0-9]{1,15})")
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
    beyond = _place(before)
    await request.app.state.audit.write()
    store: Store = request.app.state.store
    deeds = await asyncio.to_thread(store.audit, key.strip() if key else None, beyond, PAGE + 1)
    return render(
        request,
        "audit.html",
        deeds=deeds[:PAGE],
        older=f"{deeds[PAGE - 1].last}-{deeds[PAGE - 1].id}" if len(deeds) > PAGE else None,
        newest=beyond is None,
        key=key or "",
        ways=WAYS,
        of_persons=OF_PERSONS,
        address=address,
    )


def _place(text: str) -> tuple[int, int] | None:
    """LAST-ID, as an older page's address has it; None for anything else."""
    found = _PLACE.fullmatch(text)
    return (int(found[1]), int(found[2])) if found else None


routes: list[BaseRoute] = [Route(ROOM, show, methods=["GET"])]
