"""The doorstep: the page for who is not signed in, and where they wanted to go.

What enters: what went wrong, what was typed. What leaves: the page. It lets nobody in.
"""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from collector.store import Store
from collector.web.console.page import render

SIGNIN = "/console/signin"
HOME = "/console/"
# Of a form that came too late these are no use to anybody, or nobody's business.
UNSHOWN = frozenset({"csrf", "id", "password", "link", "next", "key", "mark"})
SHOWN_MAX = 20


async def page(request: Request, status: int = 200, **shown: Any) -> Response:
    """Signing in, with what went wrong."""
    store: Store = request.app.state.store
    defaults = {"link_secret": "", "holds": False, "next": HOME, "wrong": "", "typed": "", "unsent": []}
    has_users = bool(await asyncio.to_thread(store.users))
    return render(request, "signin.html", status, **{**defaults, **shown}, has_users=has_users)


def unsent(form: FormData) -> list[tuple[str, str]]:
    """What somebody has typed into a form that came when they were signed out."""
    typed = [(name, text) for name, text in form.multi_items() if isinstance(text, str) and text.strip()]
    return [(name, text) for name, text in typed if name not in UNSHOWN][:SHOWN_MAX]


def local_path(text: str) -> str:
    """Where to go after signing in: a page of the console and nothing else."""
    path = text.partition("?")[0]
    local = path.startswith(HOME) and path != SIGNIN and "\\" not in text and text.isprintable()
    return text if local else HOME
