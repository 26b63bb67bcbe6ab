"""One request to the demo shop: its session, its form, and the answer, with the headers that every page has.

What enters: a request. What leaves: a page or a redirect, the session kept. Pages tell what happened by a block of
JSON that a static script reads, for the policy below allows no script in the page itself.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jinja2
from msgspec import Struct
from msgspec.structs import replace
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from collector.demo.back_end import Message
from collector.demo.books import Books
from collector.demo.catalogue import CATEGORIES, CURRENCIES, SHOP_NAME, money
from collector.demo.records import Account, Session, Sold

COOKIE = "demo_shop"
SESSION_ID = re.compile(r"[A-Za-z0-9_-]{32}")
FORM_BYTES_MAX = 16 * 1024
FIELDS_MAX = 40
CALLS_MAX = 40  # of those that wait for a page
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "strict-origin-when-cross-origin",
    "cache-control": "no-store",
}
PAGES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
)
PAGES.globals.update(categories=list(CATEGORIES.values()), currencies=CURRENCIES, shop_name=SHOP_NAME)
PAGES.filters["money"] = money
PAGES.policies["json.dumps_kwargs"] = {"ensure_ascii": False}  # properties keep their order


class Shop(Struct, frozen=True):
    """What lives as long as the shop. `tell` sends messages under the secret key and does not wait for them."""

    books: Books
    write_key: str
    tell: Callable[[list[Message]], None]


class Visit:
    """What a handler works with. `session` is a value: replace it to change it."""

    def __init__(self, request: Request, form: dict[str, str]) -> None:
        self.request = request
        self.form = form
        self.shop: Shop = request.app.state.shop
        self.now = time.time_ns() // 1_000_000
        given = request.cookies.get(COOKIE, "")
        kept = self.shop.books.session(given) if SESSION_ID.fullmatch(given) else None
        self._id = given if kept else secrets.token_urlsafe(24)
        self._before = kept or Session()
        self.session = self._before
        self.account: Account | None = self.shop.books.account(self.session.account) if self.session.account else None

    @property
    def address(self) -> str:
        """The shop's own, as the browser wrote it, without a slash at the end."""
        url = self.request.url
        return f"{url.scheme}://{url.netloc}{self.request.scope['root_path']}"

    def change(self, **fields: Any) -> None:
        """Change fields of the session."""
        self.session = replace(self.session, **fields)

    def call(self, *call: Any) -> None:
        """Have the next page that is shown call `footfall(...)`."""
        self.change(calls=(*self.session.calls, list(call))[-CALLS_MAX:])

    def track(self, event: str, properties: dict[str, Any]) -> None:
        self.call("track", event, properties)

    def own_order(self) -> Sold:
        """The order that the path names, if it is this visitor's; 404 otherwise."""
        order = self.shop.books.order(self.request.path_params["order"])
        if order and (order.id in self.session.orders or (self.account and order.account == self.account.id)):
            return order
        raise HTTPException(404)

    def page(self, template: str, *, status: int = 200, **context: Any) -> Response:
        """A page; it carries the calls that wait."""
        calls, notice = self.session.calls, self.session.notice
        self.change(calls=(), notice="")
        html = PAGES.get_template(template).render(
            shop=self.request.scope["root_path"],
            write_key=self.shop.write_key,
            basket=self.session.basket,
            currency=self.session.basket.currency,
            account=self.account,
            calls=calls,
            notice=notice,
            **context,
        )
        return self.kept(HTMLResponse(html, status))

    def go(self, path: str, notice: str = "") -> Response:
        """To another page of the shop, after a form."""
        if notice:
            self.change(notice=notice)
        return self.kept(RedirectResponse(f"{self.request.scope['root_path']}/{path}", 303))

    def kept(self, response: Response) -> Response:
        """The answer, and the session put by if it has changed."""
        response.headers.update(HEADERS)
        if self.session != self._before:
            self.shop.books.keep_session(self._id, self.session, self.now)
            path = self.request.scope["root_path"] or "/"
            response.set_cookie(COOKIE, self._id, max_age=30 * 86_400, path=path, httponly=True, samesite="lax")
        return response


Handler = Callable[[Visit], Response]


def handled(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint: reads the form, refuses those of other sites, and lets `handler` answer."""

    async def endpoint(request: Request) -> Response:
        form: dict[str, str] = {}
        if request.method == "POST":
            refuse_strangers(request)
            form = await read_form(request)
        return handler(Visit(request, form))

    return endpoint


def refuse_strangers(request: Request) -> None:
    """A form that another site's page sent carries this visitor's cookie, and not their will."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise HTTPException(403)


async def read_form(request: Request) -> dict[str, str]:
    """The fields, trimmed; of those given twice the last. Raises 413 and 400 for what no form of the shop sends."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_BYTES_MAX:
            raise HTTPException(413)
    try:
        fields = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=FIELDS_MAX, errors="strict")
    except ValueError as error:
        raise HTTPException(400) from error
    return {name: value.replace("\0", "").strip() for name, value in fields}


async def refused(request: Request, error: Exception) -> Response:
    """The page for an address that leads nowhere, or a request that the shop refuses."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    return Visit(request, {}).page("lost.html", status=status, code=status)
