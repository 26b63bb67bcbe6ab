"""Signing in by a password or a one-time link, and out again.

What enters: a user's password, or a link's secret. What leaves: a session's cookie, a fresh one each time. Opening the
link uses nothing up: mail scanners and browsers fetch ahead; only the button does.
"""

from __future__ import annotations

import asyncio
from math import ceil

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from collector.ingest.client_address import Proxies
from collector.ingest.keys import new_key, secret_hash
from collector.store import Store
from collector.store.audit import Act, Actor, By
from collector.web import passwords
from collector.web.console.doorstep import SIGNIN, local_path, page
from collector.web.console.session import Session, now_ms, posted, session_of, set_cookie
from collector.web.passwords import account


def new_link(store: Store, public_url: str, at: int) -> str:
    """A fresh link that signs in once, within a quarter of an hour."""
    secret = new_key("sl")
    store.put_signin_link(secret_hash(secret), at)
    return f"{public_url}{SIGNIN}?link={secret}"


async def show(request: Request) -> Response:
    """The button; or the form, and how to get a link."""
    secret = request.query_params.get("link", "")
    after = local_path(request.query_params.get("next", ""))
    store: Store = request.app.state.store
    holds = bool(secret) and await asyncio.to_thread(store.signin_link_holds, secret_hash(secret), now_ms(request))
    if not holds and session_of(request):
        return RedirectResponse(after, 303)
    return await page(request, 410 if secret and not holds else 200, link_secret=secret, holds=holds, next=after)


async def sign_in(request: Request) -> Response:
    """By a link, which is used up, or by a password. A session that the browser had before ends."""
    form = posted(request)
    return await _by_password(request) if "password" in form else await _by_link(request)


async def _by_link(request: Request) -> Response:
    form = posted(request)
    link, after = str(form.get("link") or ""), local_path(str(form.get("next") or ""))
    before, secret = session_of(request), new_key("fs")
    hashes = secret_hash(link), secret_hash(secret), before.hash if before else None
    if not await request.app.state.writer.run(Store.sign_in, *hashes, now_ms(request)):
        return await page(request, 410, link_secret=link or "-", next=after)
    return await _begun(request, secret, before, Actor(By.LINK), after)


async def _by_password(request: Request) -> Response:
    form, state = posted(request), request.app.state
    name, after = account(str(form.get("user") or "")), local_path(str(form.get("next") or ""))
    address = _address(request)
    wait_s = state.attempts.wait_s(address, name, now_ms(request) / 1_000)
    if wait_s:
        wrong = f"That were too many tries. Wait {ceil(wait_s)} seconds, or open the console with a one-time link."
        answer = await page(request, 429, wrong=wrong, typed=name, next=after)
        answer.headers["retry-after"] = str(ceil(wait_s))
        return answer
    store: Store = state.store
    user = next((one for one in await asyncio.to_thread(store.users) if one.name == name), None)
    fits = await state.attempts.judge(str(form.get("password") or ""), user.password if user else passwords.NOBODY)
    before, secret = session_of(request), new_key("fs")
    hashes = secret_hash(secret), before.hash if before else None
    if not (fits and user and await state.writer.run(Store.begin_session, user, *hashes, now_ms(request))):
        return await page(request, 403, wrong="User and password do not fit.", typed=name, next=after)
    state.attempts.succeed(address, name)
    return await _begun(request, secret, before, Actor(By.USER, name), after)


async def _begun(request: Request, secret: str, before: Session | None, actor: Actor, after: str) -> Response:
    state = request.app.state
    if before is not None:
        state.broadcast.end(before.hash)
    await state.audit.keep(actor, Act.SIGNED_IN)
    response = RedirectResponse(after, 303)
    set_cookie(request, response, secret)
    return response


def _address(request: Request) -> str:
    """Whose tries these are."""
    peer = request.client.host if request.client else ""
    forwarded = ",".join(request.headers.getlist("x-forwarded-for"))
    proxies: Proxies = request.app.state.proxies
    return proxies.client(peer, forwarded) if forwarded and proxies else peer


async def sign_out(request: Request) -> Response:
    """End the session, here and in the store."""
    state, session = request.app.state, session_of(request)
    if session is not None:
        await state.writer.run(Store.sign_out, session.hash)
        state.broadcast.end(session.hash)
    response = RedirectResponse(SIGNIN, 303)
    set_cookie(request, response, "")
    return response


routes = [
    Route(SIGNIN, show, methods=["GET"]),
    Route(SIGNIN, sign_in, methods=["POST"]),
    Route("/console/signout", sign_out, methods=["POST"]),
]
