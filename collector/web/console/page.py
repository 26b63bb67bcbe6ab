"""A page of the console: a template with what every page needs, and the headers that keep it to itself.

What enters: a request, a template's name, what the room has found out. What leaves: HTML, or a failure as a page.
It knows no store and no room.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache, partial
from typing import Any
from urllib.parse import unquote, urlencode

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from collector import __version__
from collector.errors import FootfallError
from collector.web import failure
from collector.web.assets import asset
from collector.web.console import filters
from collector.web.console.duties import duty_of
from collector.web.console.session import Session, now_ms, session_of
from collector.web.roles import Duty

# (address, name, icon): the rooms in the order of the navigation.
NAVIGATION = (
    ("/console/", "Home", "home"),
    ("/console/live", "Live", "live"),
    ("/console/customers", "Customers", "customers"),
    ("/console/visitors", "Visitors", "visitors"),
    ("/console/install", "Install", "install"),
    ("/console/quarantine", "Quarantine", "quarantine"),
    ("/console/sites", "Sites and tokens", "sites"),
    ("/console/users", "Users", "users"),
    ("/console/audit", "Audit log", "clock"),
)
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
# Under `no-referrer` a browser would send its forms with `Origin: null`.
HEADERS = {
    "content-security-policy": CSP,
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}
Handler = Callable[[Request, Exception], Awaitable[Response]]


def render(request: Request, template: str, status: int = 200, **context: Any) -> Response:
    """The page. Besides `context` a template has what `_shared` lists."""
    text = _templates().get_template(template).render({**_shared(request), **context})
    return HTMLResponse(text, status, HEADERS)


def link(chosen: str | None, path: str, /, **query: Any) -> str:
    """An address within the console that keeps the chosen site; a parameter that is None is left out."""
    asked = {name: value for name, value in {"site": chosen, **query}.items() if value is not None}
    return f"{path}?{urlencode(asked)}" if asked else path


def or_page(as_json: Handler) -> Handler:
    """For the table of handlers: within the console a failure is a page, everywhere else it stays as it was."""

    async def answer(request: Request, error: Exception) -> Response:
        if not in_console(request):
            return await as_json(request, error)
        if isinstance(error, HTTPException):
            return _failed(request, error.status_code, error.detail)
        if isinstance(error, FootfallError):
            made = failure.answer(error)
            message = msgspec.json.decode(made.body)["error"]["message"]
            return _failed(request, made.status, message, dict(made.headers))
        return _failed(request, 500, "Something went wrong here. It was logged.")

    return answer


def room_of(path: str) -> str:
    """The address in the navigation of the room that a page is in; a visitor's page is not the customers'."""
    if unquote(path).startswith("/console/customers/visitor:"):
        return "/console/visitors"
    found = (address for address, _, _ in NAVIGATION if path == address or path.startswith(f"{address}/"))
    return next(found, "")


def in_console(request: Request) -> bool:
    return request.url.path == "/console" or request.url.path.startswith("/console/")


def _failed(request: Request, status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    heading = {403: "Not allowed", 404: "Not found", 500: "That failed", 503: "Not now"}.get(status, "Not possible")
    page = render(request, "error.html", status, heading=heading, message=message[:1].upper() + message[1:])
    page.headers.update(headers or {})
    return page


def _shared(request: Request) -> dict[str, Any]:
    session: Session | None = session_of(request)
    site = session.site if session else None
    duties = session.duties if session else frozenset[Duty]()
    return {
        "signed_in": session is not None,
        "csrf": session.csrf if session else "",
        "sites": session.sites if session else [],
        "site": site,
        "zone": session.zone if session else "UTC",
        "now": now_ms(request),
        "here": request.url.path,
        "room": room_of(request.url.path),
        "asked": request.query_params,
        "link": partial(link, site.name if site else None),
        "navigation": [room for room in NAVIGATION if duty_of("GET", room[0], room[0]) in duties],
        # Duties by their words: what would be refused is not offered.
        "may": duties,
    }


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("collector.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals |= {"asset": asset, "version": __version__}
    for name in ("safe_url", "number", "money", "time", "ago"):
        environment.filters[name] = getattr(filters, name)
    return environment
