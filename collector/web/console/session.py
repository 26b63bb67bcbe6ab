"""Who is signed in: the guard before every page of the console, its cookie, and its proof against forged forms.

What enters: a request. What leaves: the same request with its session and its form, or a refusal.
Everything under /console is denied unless it is listed here as open. It knows no room.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Callable
from hashlib import sha256
from urllib.parse import parse_qsl, quote, urlsplit

from msgspec import Struct
from starlette.datastructures import FormData
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from collector.errors import BodyTooLarge, FootfallError, Misuse, NotFound
from collector.event import Site
from collector.ingest.keys import secret_hash
from collector.store import Store
from collector.store.sessions import SESSION_MS_MAX, KeptSession
from collector.web import failure
from collector.web.assets import PREFIX as ASSETS
from collector.web.failure import Denied
from collector.web.times import zone_of

SIGNIN = "/console/signin"
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
CSRF_HEADER = "x-csrf-token"
FORM_BYTES_MAX = 256 * 1024
FORM_FIELDS_MAX = 5_000
TOUCH_EVERY_MS = 300_000


class Session(Struct, frozen=True, kw_only=True):
    """Who asks, and about which site. `site` is None for all of them; `zone` is the one that times are shown in."""

    hash: str
    csrf: str
    sites: list[Site]
    site: Site | None
    zone: str


def signed_in(request: Request) -> Session:
    """The session; the guard let nobody in without one. Raises NotFound where `?site=` names no site."""
    session = session_of(request)
    if session is None:
        raise Denied(401, "unauthorised", "this page is for people who are signed in")
    named = request.query_params.get("site")
    if named and session.site is None:
        raise NotFound(f"there is no site {named}")
    return session


def session_of(request: Request) -> Session | None:
    """The session where there is one."""
    session: Session | None = getattr(request.state, "session", None)
    return session


def posted(request: Request) -> FormData:
    """The fields of the form that was sent, its token already checked."""
    form: FormData = getattr(request.state, "form", FormData())
    return form


class Guard:
    """Middleware: finds the session of a request, and turns away what has none or cannot prove itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] if scope["type"] == "http" else ""
        if path == "/console" or path.startswith("/console/"):
            request = Request(scope, receive)
            refusal = await _admit(request)
            # The body was read here: what comes after gets none, but still hears when the client goes away.
            await (refusal or self._app)(scope, receive, send)
        elif path.startswith("/api/"):
            request = Request(scope, receive)
            refusal = await _admit_reader(request)
            await (refusal or self._app)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


async def _admit(request: Request) -> Response | None:
    """None where the request may pass, else the answer."""
    if request.url.path.startswith(ASSETS):
        return None
    request.state.session = session = await _find(request)
    is_signin = request.url.path == SIGNIN
    if session is None and not is_signin:
        return _ask_to_sign_in(request)
    if request.method in SAFE_METHODS:
        return None
    try:
        _check_origin(request)
        request.state.form = form = await _read_form(request)
        if not is_signin:
            assert session is not None
            _check_token(session, request.headers.get(CSRF_HEADER) or str(form.get("csrf") or ""))
    except ClientDisconnect:
        return Response(status_code=400)
    except FootfallError as error:
        made = failure.answer(error)
        return PlainTextResponse(f"{error}\n", made.status, {"cache-control": "no-store"})
    return None


async def _admit_reader(request: Request) -> Response | None:
    """The API takes a session in the place of a token; what changes something must bear the session's CSRF token."""
    if "authorization" in request.headers:
        return None
    session = await _find(request)
    if session is not None and request.method not in SAFE_METHODS:
        try:
            _check_origin(request)
            _check_token(session, request.headers.get(CSRF_HEADER, ""))
        except Denied as error:
            made = failure.answer(error)
            return Response(made.body, made.status, {"cache-control": "no-store"}, "application/json")
    request.state.session = session
    return None


async def _find(request: Request) -> Session | None:
    secret = request.cookies.get(cookie_name(request))
    if not secret:
        return None
    store: Store = request.app.state.store
    hash, at = secret_hash(secret), now_ms(request)
    kept, sites = await asyncio.to_thread(_look_up, store, hash, at)
    if kept is None:
        return None
    if at - kept.seen > TOUCH_EVERY_MS:
        await request.app.state.writer.run(Store.touch_session, hash, at)
    name = request.query_params.get("site")
    site = next((one for one in sites if one.name == name), None)
    zone = zone_of(site.name if site else None, sites)
    return Session(hash=hash, csrf=_csrf(secret), sites=sites, site=site, zone=zone)


def _look_up(store: Store, hash: str, at: int) -> tuple[KeptSession | None, list[Site]]:
    return store.session(hash, at), store.sites()


def _ask_to_sign_in(request: Request) -> Response:
    """A page is sent to the sign-in; a script that reads in the background is told plainly."""
    if request.headers.get("sec-fetch-dest") == "empty" or "event-stream" in request.headers.get("accept", ""):
        return PlainTextResponse("signed out\n", 401, {"cache-control": "no-store"})
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    after = f"?next={quote(asked, safe='/')}" if request.method in SAFE_METHODS else ""
    return RedirectResponse(SIGNIN + after, 303, {"cache-control": "no-store"})


def _check_origin(request: Request) -> None:
    """A browser says which page a form was sent from; it must be one of ours. Raises Denied."""
    fetched = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    ours = {request.headers.get("host", ""), urlsplit(request.app.state.settings.public_url).netloc}
    if fetched not in (None, "same-origin", "none") or (origin is not None and urlsplit(origin).netloc not in ours):
        raise Denied(403, "forbidden", "this was not sent from a page of the console")


def _check_token(session: Session, token: str) -> None:
    """Raises Denied."""
    if not hmac.compare_digest(session.csrf.encode(), token.encode()):
        raise Denied(403, "forbidden", "this form is from another session; go back, reload the page and try again")


async def _read_form(request: Request) -> FormData:
    """A plain HTML form. Raises BodyTooLarge, Misuse."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > FORM_BYTES_MAX:
            raise BodyTooLarge(f"the form is over {FORM_BYTES_MAX} bytes")
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        if body:
            raise Misuse("only plain forms are taken here")
        return FormData()
    try:
        fields = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=FORM_FIELDS_MAX)
    except ValueError as error:
        raise Misuse("the form could not be read") from error
    return FormData([*fields])


def _csrf(secret: str) -> str:
    """Follows from the session's secret, so that nothing more must be kept; tells nothing of it."""
    return sha256(f"csrf\0{secret}".encode("utf-8", "surrogatepass")).hexdigest()


def is_secure(request: Request) -> bool:
    """Whether browsers reach the console by https, as the settings say or the connection shows."""
    return bool(request.app.state.settings.public_url.startswith("https:")) or request.url.scheme == "https"


def cookie_name(request: Request) -> str:
    """With the prefix no page of a neighbouring host, such as the shop's, can set or replace the cookie."""
    return "__Host-footfall" if is_secure(request) else "footfall"


def set_cookie(request: Request, response: Response, secret: str) -> None:
    """Give the browser the session's secret; '' takes it away."""
    response.set_cookie(
        cookie_name(request),
        secret,
        max_age=SESSION_MS_MAX // 1_000 if secret else 0,
        path="/",
        secure=is_secure(request),
        httponly=True,
        samesite="lax",
    )


def now_ms(request: Request) -> int:
    """The application's clock: ms since 1970."""
    clock: Callable[[], int] = getattr(request.app.state, "clock_ms", _wall_ms)
    return clock()


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000
