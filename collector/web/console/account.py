"""Account: who is signed in, what they may do, their own password and browser. For everybody who is signed in.

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
from collector.web.console.session import changed, is_secure, now_ms, posted, set_cookie, signed_in
from collector.web.console.site import Faults, sentence
from collector.web.passwords import hashed
from collector.web.roles import TOLD
from collector.web.snippet import STAFF_COOKIES, YEAR_S

ROOM = "/console/account"
# What was done, told after a redirect: the address carries a word of these, never a text.
DONE = {
    "renewed": "You have a new password. All your other sessions have ended.",
    "marked": "What you do in the shop with this browser is left out from now on.",
    "unmarked": "What you do in the shop with this browser counts again.",
}


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


async def mark(request: Request) -> Response:
    """This browser is the shop's own staff's, or no longer: the script of the tag does nothing in it."""
    signed_in(request)
    marked = posted(request).get("mark") == "on"
    response = RedirectResponse(f"{ROOM}?done={'marked' if marked else 'unmarked'}", 303)
    response.set_cookie(
        STAFF_COOKIES[0 if is_secure(request) else 1],
        "1" if marked else "",
        max_age=YEAR_S if marked else 0,
        path="/",
        secure=is_secure(request),
        httponly=True,
        samesite="lax",
    )
    # The script that it has already would go on.
    response.headers["clear-site-data"] = '"cache"'
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
        marked=any(request.cookies.get(name) for name in STAFF_COOKIES),
        done=DONE.get(request.query_params.get("done", ""), "") if not faults else "",
    )


routes: list[BaseRoute] = [
    Route(ROOM, show, methods=["GET"]),
    Route(f"{ROOM}/password", renew, methods=["POST"]),
    Route(f"{ROOM}/mark", mark, methods=["POST"]),
]
