"""Customers over HTTP: the list, a profile, a timeline; unlinking, and erasure.

What enters: a reader's request. What leaves: the JSON of the contract. It knows neither SQL nor the rules of identity.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import Response

from collector.errors import NotFound, Unavailable
from collector.ingest.scrubbing import scrub
from collector.store import SORTS, ActivityPage, ActivityQuery, Profile, Receipt, Store
from collector.store.audit import Act
from collector.web import asked, render
from collector.web.asked import KeyRoute
from collector.web.auth import authorise
from collector.web.roles import Duty
from collector.web.settled import read_settled
from collector.web.times import read_range, zone_of


async def list_customers(request: Request) -> Response:
    """Find customers by name, e-mail, phone, user id or order number; without `q` list them all."""
    actor = authorise(request, Duty.READ)
    q, cursor = asked.text(request, "q") or "", asked.text(request, "cursor")
    sort, limit = asked.word(request, "sort", SORTS, SORTS[0]), asked.limit(request)
    state = request.app.state
    await state.writer.settle()
    state.audit.note(actor, Act.LISTED)
    found = await asyncio.to_thread(state.store.customers, q, sort, cursor, limit)
    return render.reply(render.customers(found))


async def one_customer(request: Request) -> Response:
    """One path, so that a 405 there names both methods."""
    return await (erase_customer if request.method == "DELETE" else show_customer)(request)


async def show_customer(request: Request) -> Response:
    """Who this is, and by which evidence."""
    actor = authorise(request, Duty.READ)
    state, key = request.app.state, request.path_params["key"]
    found: Profile | None = await read_settled(state, key, state.store.profile, key)
    if found is None:
        raise NotFound(f"there is no customer {key}")
    request.app.state.audit.note(actor, Act.LOOKED_UP, found.key)
    return render.reply(render.profile(found))


async def show_activity(request: Request) -> Response:
    """What this customer has done, newest first."""
    actor = authorise(request, Duty.READ)
    state, key = request.app.state, request.path_params["key"]
    start, end = await _range(request)
    query = ActivityQuery(
        limit=asked.limit(request),
        cursor=asked.text(request, "cursor"),
        event=asked.text(request, "event"),
        start=start,
        end=end,
    )
    found: ActivityPage | None = await read_settled(state, key, state.store.activity, key, query)
    if found is None:
        raise NotFound(f"there is no customer {key}")
    request.app.state.audit.note(actor, Act.LOOKED_UP, key)
    return render.reply(render.activity(found))


async def erase_customer(request: Request) -> Response:
    """Everything about this customer leaves; the receipt stays."""
    actor, key = authorise(request, Duty.ADMIN), request.path_params["key"]
    receipt = await erase(request.app.state, key, _now_ms())
    await request.app.state.audit.keep(actor, Act.ERASED, key)
    return render.reply(receipt)


async def erase(state: State, key: str, at: int) -> Receipt:
    """Look through the log first, so that the writer, for whom all wait, has little to look for. Raises NotFound."""
    await state.writer.settle()
    survey = await asyncio.to_thread(state.store.survey, key, at)
    receipt: Receipt = await state.writer.run(Store.erase, key, at, survey)
    with suppress(Unavailable):  # the erasure is done and on disk; what is left of it is due, and tried again
        await scrub(state.writer, state.store)
    return receipt


async def unlink_visitor(request: Request) -> Response:
    """Staff say: this visitor is not this customer."""
    actor = authorise(request, Duty.CARE)
    state, key, visitor = request.app.state, request.path_params["key"], request.path_params["visitor"]
    await state.writer.run(Store.unlink, key, visitor, _now_ms())
    await state.audit.keep(actor, Act.UNLINKED, key)
    return Response(status_code=204)


async def undo_link(request: Request) -> Response:
    """Staff say: this id is not this customer's."""
    actor = authorise(request, Duty.CARE)
    state, key, known = request.app.state, request.path_params["key"], request.path_params["id"]
    await state.writer.run(Store.undo_link, key, known, _now_ms())
    await state.audit.keep(actor, Act.UNDID, key)
    return Response(status_code=204)


async def _range(request: Request) -> tuple[int | None, int | None]:
    """Between which times; a bare date is a day of the only site's, else of UTC."""
    first, last = asked.text(request, "from"), asked.text(request, "to")
    if first is None and last is None:
        return None, None
    return read_range(first, last, zone_of(None, await asyncio.to_thread(request.app.state.store.sites)))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


routes = [
    KeyRoute("/api/customers", list_customers, methods=["GET"]),
    KeyRoute("/api/customers/{key}", one_customer, methods=["GET", "DELETE"]),
    KeyRoute("/api/customers/{key}/activity", show_activity, methods=["GET"]),
    KeyRoute("/api/customers/{key}/visitors/{visitor}", unlink_visitor, methods=["DELETE"]),
    KeyRoute("/api/customers/{key}/ids/{id}", undo_link, methods=["DELETE"]),
]
