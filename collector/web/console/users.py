"""Users: who may come into the console, and what they may do there. Owners only.

What enters: forms. What leaves: the page; beside a field that is wrong stands why. A password is never shown again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from collector.errors import Misuse
from collector.store import Store
from collector.store.users import Role, User
from collector.web.console.page import render
from collector.web.console.session import changed, now_ms, posted
from collector.web.console.site import Faults, sentence
from collector.web.passwords import checked_account, hashed
from collector.web.roles import TOLD

ROOM = "/console/users"
# What was done, told after a redirect: the address carries a word of these, never a text.
DONE = {
    "added": "The user was added.",
    "changed": "The user was changed.",
    "renewed": "The user has a new password; their sessions have ended.",
    "removed": "The user was removed; their sessions have ended.",
}


async def show(request: Request) -> Response:
    """All users."""
    return await _page(request)


async def add(request: Request) -> Response:
    """A new user."""
    form, faults = posted(request), dict[str, str]()
    typed = {name: str(form.get(name) or "") for name in ("name", "role")}
    name = _checked("name", typed["name"], checked_account, faults)
    password = await _hashed(request, faults)
    role = _checked("role", typed["role"], _role, faults)
    if not faults:
        try:
            made = User(name=name, role=role, password=password, created=now_ms(request))
            await request.app.state.writer.run(Store.add_user, made)
        except Misuse as error:
            faults["name"] = sentence(error)
    if faults:
        return await _page(request, 400, typed=typed, faults=faults)
    await changed(request, f"user {name}")
    return RedirectResponse(f"{ROOM}?done=added", 303)


async def change_role(request: Request) -> Response:
    """Another role; it counts at once."""
    name, role = str(posted(request).get("name")), _role(str(posted(request).get("role")))
    await request.app.state.writer.run(Store.change_user, name, role, None)
    await changed(request, f"user {name}")
    return RedirectResponse(f"{ROOM}?done=changed", 303)


async def renew(request: Request) -> Response:
    """A new password; the user's sessions end."""
    name, faults = str(posted(request).get("name")), dict[str, str]()
    password = await _hashed(request, faults)
    if faults:
        return await _page(request, 400, faults={f"password of {name}": faults["password"]})
    await request.app.state.writer.run(Store.change_user, name, None, password)
    await changed(request, f"user {name}")
    return RedirectResponse(f"{ROOM}?done=renewed", 303)


async def remove(request: Request) -> Response:
    """A user's end."""
    name = str(posted(request).get("name"))
    await request.app.state.writer.run(Store.remove_user, name)
    await changed(request, f"user {name}")
    return RedirectResponse(f"{ROOM}?done=removed", 303)


async def _page(
    request: Request, status: int = 200, typed: Mapping[str, str] | None = None, faults: Mapping[str, str] | None = None
) -> Response:
    store: Store = request.app.state.store
    return render(
        request,
        "users.html",
        status,
        users=await asyncio.to_thread(store.users),
        roles=[(role.value, role.value, text) for role, text in TOLD.items()],
        typed=typed or {"name": "", "role": Role.SUPPORT.value},
        faults=Faults(faults or {}),
        done=DONE.get(request.query_params.get("done", ""), ""),
    )


async def _hashed(request: Request, faults: dict[str, str]) -> str:
    try:
        return await asyncio.to_thread(hashed, str(posted(request).get("password") or ""))
    except Misuse as error:
        faults["password"] = sentence(error)
        return ""


def _role(text: str) -> Role:
    """Raises Misuse."""
    try:
        return Role(text)
    except ValueError as error:
        raise Misuse("choose a role") from error


def _checked(field: str, text: str, check: Any, faults: dict[str, str]) -> Any:
    try:
        return check(text)
    except Misuse as error:
        faults[field] = sentence(error)
        return None


routes: list[BaseRoute] = [
    Route(ROOM, show, methods=["GET"]),
    Route(ROOM, add, methods=["POST"]),
    Route(f"{ROOM}/role", change_role, methods=["POST"]),
    Route(f"{ROOM}/password", renew, methods=["POST"]),
    Route(f"{ROOM}/remove", remove, methods=["POST"]),
]
