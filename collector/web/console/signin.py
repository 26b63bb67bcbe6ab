"""Signing in by a one-time link, and out again.

What enters: a link's secret. What leaves: a session's cookie, once. Opening the link uses nothing up: mail scanners and
browsers fetch ahead; only the button does.
"""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from collector.ingest.keys import new_key, secret_hash
from collector.store import Store
from collector.web.console.guard import SIGNIN
from collector.web.console.page import render
from collector.web.console.session import now_ms, posted, session_of, set_cookie

HOME = "/console/"


def new_link(store: Store, public_url: str, at: int) -> str:
    """A fresh link that signs in once, within a quarter of an hour."""
    secret = new_key("sl")
    store.put_signin_link(secret_hash(secret), at)
    return f"{public_url}{SIGNIN}?link={secret}"


async def show(request: Request) -> Response:
    """The button; or, without a link, how to get one."""
    secret = request.query_params.get("link", "")
    after = local_path(request.query_params.get("next", ""))
    store: Store = request.app.state.store
    holds = bool(secret) and await asyncio.to_thread(store.signin_link_holds, secret_hash(secret), now_ms(request))
    if not holds and session_of(request):
        return RedirectResponse(after, 303)
    if not secret:
        return render(request, "signin.html", next=after)
    return render(request, "signin.html", 200 if holds else 410, link_secret=secret, holds=holds, next=after)


async def sign_in(request: Request) -> Response:
    """Use the link up and begin a session. One that the browser had before ends."""
    form = posted(request)
    link, after = str(form.get("link") or ""), local_path(str(form.get("next") or ""))
    before, secret = session_of(request), new_key("fs")
    hashes = secret_hash(link), secret_hash(secret), before.hash if before else None
    if not await request.app.state.writer.run(Store.sign_in, *hashes, now_ms(request)):
        return render(request, "signin.html", 410, link_secret=link, holds=False, next=after)
    if before is not None:
        request.app.state.broadcast.end(before.hash)
    response = RedirectResponse(after, 303)
    set_cookie(request, response, secret)
    return response


async def sign_out(request: Request) -> Response:
    """End the session, here and in the store."""
    state, session = request.app.state, session_of(request)
    if session is not None:
        await state.writer.run(Store.sign_out, session.hash)
        state.broadcast.end(session.hash)
    response = RedirectResponse(SIGNIN, 303)
    set_cookie(request, response, "")
    return response


def local_path(text: str) -> str:
    """Where to go after signing in: a page of the console and nothing else."""
    path = text.partition("?")[0]
    local = path.startswith(HOME) and path != SIGNIN and "\\" not in text and text.isprintable()
    return text if local else HOME


routes = [
    Route(SIGNIN, show, methods=["GET"]),
    Route(SIGNIN, sign_in, methods=["POST"]),
    Route("/console/signout", sign_out, methods=["POST"]),
]
