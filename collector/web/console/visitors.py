"""Visitors: who was in the shop and is not known yet, by when they were last there or by how far they came.

What enters: who asks, and filters. What leaves: a page of prospects, each with what may tell if it is worth a call.
Who is known was decided long before. Above them stands who asked to be forgotten and is not yet, not wholly.
"""

from __future__ import annotations

import asyncio

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from collector.errors import NotFound
from collector.event import DAY_MS
from collector.store import Store
from collector.store.audit import Act
from collector.store.prospects import SORTS, Prospect, ProspectQuery, Reached
from collector.web import asked
from collector.web.console import amounts
from collector.web.console.customers import address
from collector.web.console.page import link, render
from collector.web.console.session import now_ms, posted, signed_in
from collector.web.console.strangers import called, came_by, runs_on
from collector.web.console.telling import tell

ROOM = "/console/visitors"
SORTED_BY = dict(zip(SORTS, ("Seen last", "Interest"), strict=True))
# The word in the address, how it is called, and how long ago.
SPANS = {"hour": ("Last hour", DAY_MS // 24), "day": ("Last 24 hours", DAY_MS), "week": ("Last 7 days", 7 * DAY_MS)}
SPANS |= {"month": ("Last 30 days", 30 * DAY_MS), "quarter": ("Last 90 days", 90 * DAY_MS)}
STEPS = {
    Reached.LOOKED: "Looked around",
    Reached.VIEWED: "Viewed a product",
    Reached.SEARCHED: "Searched",
    Reached.CARTED: "Filled a cart",
    Reached.CHECKOUT: "Began checkout",
    Reached.ORDERED: "Ordered",
}
ANY = "any"
REQUESTS_MAX = 100


class Row(Struct, frozen=True, kw_only=True):
    """A prospect as a line."""

    prospect: Prospect
    href: str
    called: str
    step: str
    looked: str
    source: str
    device: str
    worth: str
    items: str


async def show(request: Request) -> Response:
    """One page of prospects."""
    session = signed_in(request)
    within = asked.word(request, "within", {ANY, *SPANS}, ANY)
    reached = asked.word(request, "reached", [step.word for step in Reached], Reached.LOOKED.word)
    sort = asked.word(request, "sort", SORTS, SORTS[0])
    query = ProspectQuery(
        site=session.site.name if session.site else None,
        since=None if within == ANY else now_ms(request) - SPANS[within][1],
        reached=Reached[reached.upper()],
        sort=sort,
        cursor=asked.text(request, "cursor"),
        limit=asked.limit(request),
    )
    await request.app.state.writer.settle()
    store: Store = request.app.state.store
    page = await asyncio.to_thread(store.prospects, query)
    requests = await asyncio.to_thread(store.asked_erasure, REQUESTS_MAX)
    return render(
        request,
        "visitors.html",
        keep=["within", "reached", "sort"],
        requests=[(key, called(key.removeprefix("visitor:")), at) for key, at in requests],
        address=address,
        rows=[_row(each) for each in page.prospects],
        next=page.next,
        first=query.cursor is None,
        filtered=within != ANY or query.reached > Reached.LOOKED,
        chosen={"within": within, "reached": reached, "sort": sort},
        sorts=SORTED_BY,
        spans={ANY: "Any time"} | {word: span for word, (span, _) in SPANS.items()},
        steps={step.word: told for step, told in STEPS.items()},
    )


async def settle(request: Request) -> Response:
    """Staff have done what there is to do about an erasure request."""
    session, key = signed_in(request), str(posted(request).get("of") or "")
    store: Store = request.app.state.store
    if key not in dict(await asyncio.to_thread(store.asked_erasure, REQUESTS_MAX)):
        raise NotFound("this request is settled, or the visitor is gone")
    await request.app.state.audit.keep(session.actor, Act.SETTLED, key)
    return RedirectResponse(link(session.site.name if session.site else None, ROOM), 303)


def _row(prospect: Prospect) -> Row:
    looked_at, cart = prospect.looked_at, prospect.cart
    worth = amounts.money(cart.value, cart.currency) if cart and cart.value is not None else None
    items = "" if cart is None else "1 item" if cart.items == "1" else f"{cart.items} items"
    return Row(
        prospect=prospect,
        href=address(f"visitor:{prospect.visitor}"),
        called=called(prospect.visitor),
        step=STEPS[prospect.reached],
        looked=tell(looked_at.type, looked_at.name, looked_at.properties, url=looked_at.url, title=looked_at.title),
        source=came_by(prospect.came),
        device=runs_on(prospect.device, prospect.browser, prospect.os),
        worth=worth or "",
        items=items,
    )


routes: list[BaseRoute] = [
    Route(ROOM, show, methods=["GET"]),
    Route(f"{ROOM}/settle", settle, methods=["POST"]),
]
