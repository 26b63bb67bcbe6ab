"""The guard before the console and the API: finds the session of a request, turns away what may not pass.

What enters: any request. What leaves: the same request with its session and its form, or a refusal.
Everything under /console is denied unless it is named here as open. It knows no room.
"""

from __future__ import annotations

import hmac
from urllib.parse import parse_qsl, quote, urlsplit

from starlette.datastructures import FormData
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from collector.errors import BodyTooLarge, FootfallError, Misuse
from collector.web import failure
from collector.web.assets import PREFIX as ASSETS
from collector.web.console import doorstep
from collector.web.console.doorstep import SIGNIN
from collector.web.console.duties import SAFE_METHODS, duty_of
from collector.web.console.page import or_page
from collector.web.console.session import Session, find
from collector.web.failure import Denied

CSRF_HEADER = "x-csrf-token"
FORM_BYTES_MAX = 256 * 1024
FORM_FIELDS_MAX = 5_000
_refuse = or_page(failure.render_error)


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
    request.state.session = session = await find(request)
    is_signin = request.url.path == SIGNIN
    if session is None and not is_signin:
        return await _ask_to_sign_in(request)
    try:
        if session is not None:
            _check_duty(request, session)
        if request.method in SAFE_METHODS:
            return None
        _check_origin(request)
        request.state.form = form = await _read_form(request)
        if not is_signin:
            assert session is not None
            _check_token(session, request.headers.get(CSRF_HEADER) or str(form.get("csrf") or ""))
    except ClientDisconnect:
        return Response(status_code=400)
    except FootfallError as error:
        return await _refuse(request, error)
    return None


async def _admit_reader(request: Request) -> Response | None:
    """The API takes a session in the place of a token; what changes something must bear the session's CSRF token."""
    if "authorization" in request.headers:
        return None
    session = await find(request)
    if session is not None and request.method not in SAFE_METHODS:
        try:
            _check_origin(request)
            _check_token(session, request.headers.get(CSRF_HEADER, ""))
        except Denied as error:
            return await failure.render_error(request, error)
    request.state.session = session
    return None


async def _ask_to_sign_in(request: Request) -> Response:
    """A page is sent to the sign-in; a script that reads in the background is told plainly; what was typed is shown."""
    if request.headers.get("sec-fetch-dest") == "empty" or "event-stream" in request.headers.get("accept", ""):
        return PlainTextResponse("signed out\n", 401, {"cache-control": "no-store"})
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if request.method in SAFE_METHODS:
        return RedirectResponse(f"{SIGNIN}?next={quote(asked, safe='/')}", 303, {"cache-control": "no-store"})
    try:
        _check_origin(request)
        unsent = doorstep.unsent(await _read_form(request))
    except (FootfallError, ClientDisconnect):
        unsent = []
    if unsent:
        return await doorstep.page(request, 401, unsent=unsent)
    return RedirectResponse(SIGNIN, 303, {"cache-control": "no-store"})


def _check_duty(request: Request, session: Session) -> None:
    """Raises Denied."""
    read = request.url.path
    sent = request.scope.get("raw_path") or quote(read).encode()
    duty = duty_of(request.method, sent.decode("latin-1"), read)
    if duty is not None and duty not in session.duties:
        raise Denied(403, "forbidden", "this is not among what your role may do")


def _check_origin(request: Request) -> None:
    """A browser says which page a form was sent from; it must be one of ours. Raises Denied."""
    fetched = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    ours = {request.headers.get("host"), urlsplit(request.app.state.settings.public_url).netloc} - {""}
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
