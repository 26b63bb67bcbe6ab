"""Account: who is signed in, what they may do, and their own password. For everybody who is signed in.

What enters: the present password and a new one. What leaves: the page. A new password ends all sessions but this one.
"""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from collector.errors import Misuse
from collector.ingest.keys import new_key, secret_hash
from collector.store import Store
from collector.web.console.page import render
from collector.web.console.session import changed, now_ms, posted, set_cookie, signed_in
from collector.web.console.site import Faults, sentence
from collector.web.passwords import hashed
from collector.web.roles import TOLD

ROOM = "/console/account"


async def show(request: Request) -> Response:
    """Who is signed in."""
    return _page(request, {})


async def renew(request: Request) -> Response:
    """A new password, for who knows the present one; this browser stays in, by a session that is new as well."""
    session, form, state = signed_in(request), posted(request), request.app.state
    store: Store = state.store
    user = next((one for one in await asyncio.to_thread(store.users) if one.name == session.user), None)
    if user is None:
        raise Misuse("who came by a one-time link has no password")
    if not await state.attempts.judge(str(form.get("present") or ""), user.password):
        return _page(request, {"present": "This is not your password."})
    try:
        password = await asyncio.to_thread(hashed, str(form.get("password") or ""))
    except Misuse as error:
        return _page(request, {"password": sentence(error)})
    await state.writer.run(Store.change_user, user.name, None, password)
    renewed = next(one for one in await asyncio.to_thread(store.users) if one.name == user.name)
    secret = new_key("fs")
    await state.writer.run(Store.begin_session, renewed, secret_hash(secret), None, now_ms(request))
    await changed(request, f"user {user.name}")
    state.broadcast.end(session.hash)
    response = RedirectResponse(f"{ROOM}?done=renewed", 303)
    set_cookie(request, response, secret)
    return response


def _page(request: Request, faults: dict[str, str]) -> Response:
    session = signed_in(request)
    return render(
        request,
        "account.html",
        400 if faults else 200,
        user=session.user,
        role=session.role.value,
        told=TOLD[session.role],
        faults=Faults(faults),
        renewed=request.query_params.get("done") == "renewed" and not faults,
    )


routes: list[BaseRoute] = [
    Route(ROOM, show, methods=["GET"]),
    Route(f"{ROOM}/password", renew, methods=["POST"]),
]
