"""Sites and tokens: the list of both; tokens are made and revoked here. A token is shown once.

What enters: forms. What leaves: the page; beside a field that is wrong stands why, and what was typed is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from collector.errors import Misuse
from collector.ingest.keys import new_key, secret_hash
from collector.ingest.sites import checked_name
from collector.store import Store, Token
from collector.web.console import site
from collector.web.console.page import render
from collector.web.console.session import changed, now_ms, posted, signed_in
from collector.web.console.site import ROOM, Faults, path_of, sentence
from collector.web.roles import SCOPES

# What was done, told after a redirect: the address carries a word of these, never a text.
DONE = {
    "changed": "The site was changed. The collector goes by it within a second.",
    "removed": "The site was removed. Its keys stop working within a second; its events stay.",
    "revoked": "The token was revoked. It stops working within a second.",
}


async def show(request: Request) -> Response:
    """All sites and tokens."""
    return await _page(request, done=DONE.get(request.query_params.get("done", ""), ""))


async def create_token(request: Request) -> Response:
    """A new token, shown this once."""
    form = posted(request)
    name, scopes = str(form.get("name") or "").strip(), tuple(s for s in SCOPES if s in form.getlist("scope"))
    faults: dict[str, str] = {} if scopes else {"scope": "Choose what the token may do."}
    secret = new_key("ft")
    try:
        kept = Token(name=checked_name(name), hash=secret_hash(secret), scopes=scopes, created=now_ms(request))
        if not faults:
            await request.app.state.writer.run(Store.put_token, kept)
            await changed(request, f"token {kept.name}")
    except Misuse as error:
        faults["name"] = sentence(error)
    if faults:
        return await _page(request, 400, typed={"name": name, "scopes": scopes}, faults=faults)
    return await _page(request, made=kept, secret=secret)


async def revoke_token(request: Request) -> Response:
    """A token's end."""
    name = str(posted(request).get("name"))
    await request.app.state.writer.run(Store.revoke_token, name, now_ms(request))
    await changed(request, f"token {name}")
    return RedirectResponse(f"{ROOM}?done=revoked", 303)


async def _page(
    request: Request,
    status: int = 200,
    *,
    typed: Mapping[str, Any] | None = None,
    faults: Mapping[str, str] | None = None,
    **more: Any,
) -> Response:
    store: Store = request.app.state.store
    shown = {
        "listed": [(one, path_of(one)) for one in signed_in(request).sites],
        "tokens": await asyncio.to_thread(store.tokens),
        "scopes": {
            "read": "Look up customers and what they did",
            "export": "Export everything",
            "admin": "All of that, and erase customers and undo links",
        },
        "typed": typed or {"name": "", "scopes": ("read",)},
        "faults": Faults(faults or {}),
    }
    return render(request, "sites.html", status, **{"done": "", "made": None, "secret": "", **shown, **more})


routes: list[BaseRoute] = [
    Route(ROOM, show, methods=["GET"]),
    Route(f"{ROOM}/tokens", create_token, methods=["POST"]),
    Route(f"{ROOM}/tokens/revoke", revoke_token, methods=["POST"]),
    *site.routes,
]
