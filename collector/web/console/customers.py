"""The room Customers: everyone who is known, found by what a person on the phone would say.

What enters: a search, an order, a cursor. What leaves: a page of the list. Who is who was decided long before.
"""

from __future__ import annotations

import asyncio
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from collector.store import CustomerPage, Store
from collector.store.audit import Act
from collector.store.dossier import CustomerQuery
from collector.web import asked
from collector.web.console.page import render
from collector.web.console.session import signed_in

ROOM = "/console/customers"
SORTS = (("last_seen", "Seen last"), ("first_seen", "Newest"), ("name", "Name"), ("orders", "Most orders"))
SPENT = "spent:"


def address(key: str, room: str = "") -> str:
    """Where a customer's page is, or a room beside it; any key, slashes and all."""
    return f"{ROOM}/{quote(key, safe='')}{room}"


async def show(request: Request) -> Response:
    """The list, or what a search finds."""
    session = signed_in(request)
    await request.app.state.writer.settle()
    found, currencies = await asyncio.to_thread(_find, request.app.state.store, request)
    request.app.state.audit.note(session.actor, Act.LISTED)
    receipt = asked.text(request, "erased")
    erased = await asyncio.to_thread(request.app.state.store.gone, receipt) if receipt else None
    sorts = [*SORTS, *((f"{SPENT}{currency}", f"Spent most ({currency or 'no currency'})") for currency in currencies)]
    return render(
        request,
        "customers.html",
        keep=["q", "sort"],
        q=asked.text(request, "q") or "",
        sort=asked.text(request, "sort") or SORTS[0][0],
        sorts=sorts,
        customers=found.customers,
        next=found.next,
        first=asked.text(request, "cursor") is None,
        address=address,
        erased=erased,
    )


def _find(store: Store, request: Request) -> tuple[CustomerPage, list[str]]:
    sort = asked.text(request, "sort") or ""
    spent = sort.startswith(SPENT)
    query = CustomerQuery(
        q=asked.text(request, "q") or "",
        sort="spent" if spent else asked.word(request, "sort", dict(SORTS), SORTS[0][0]),
        currency=sort.removeprefix(SPENT) if spent else "",
        cursor=asked.text(request, "cursor"),
        limit=asked.limit(request),
    )
    return store.find_customers(query), store.currencies()


routes: list[BaseRoute] = [Route(ROOM, show, methods=["GET"])]
