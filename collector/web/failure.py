"""One table from errors to answers, and the one JSON shape that they have: `{"error": {"code", "message"}}`.

What enters: an error that was raised on purpose. What leaves: a status, a stable code, a text, headers.
Everything that is not in the table is a bug: 500, and no details to the outside.
"""

from __future__ import annotations

import logging
from math import ceil

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from collector.errors import BodyTooLarge, FootfallError, Misuse, NotACall, NotFound, Unavailable

log = logging.getLogger(__name__)


class Denied(FootfallError):
    """Who asks is not known (401), or may not (403)."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class TooFast(FootfallError):
    """One address sends more than the limit."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__("too many requests from this address")
        self.retry_after_s = ceil(retry_after_s)


# The nearest class in an error's own order of ancestors counts.
ANSWERS: dict[type[FootfallError], tuple[int, str]] = {
    NotACall: (400, "not_a_call"),
    Misuse: (400, "bad_request"),
    NotFound: (404, "not_found"),
    BodyTooLarge: (413, "body_too_large"),
    TooFast: (429, "too_fast"),
    Unavailable: (503, "unavailable"),
}


class Answer(msgspec.Struct, frozen=True):
    """What an error tells a client."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


def answer(error: FootfallError) -> Answer:
    """The answer to an error of ours."""
    if isinstance(error, Denied):
        headers = (("www-authenticate", "Bearer"),) if error.status == 401 else ()
        return Answer(error.status, body(error.code, str(error)), headers)
    for ancestor in type(error).__mro__:
        if ancestor in ANSWERS:
            status, code = ANSWERS[ancestor]
            wait_s = error.retry_after_s if isinstance(error, Unavailable | TooFast) else None
            headers = (("retry-after", str(max(1, wait_s))),) if wait_s is not None else ()
            return Answer(status, body(getattr(error, "code", code), str(error)), headers)
    raise error


def body(code: str, message: str) -> bytes:
    return msgspec.json.encode({"error": {"code": code, "message": message}})


BUG = body("internal", "something went wrong here; it was logged")


def _response(made: Answer) -> Response:
    return Response(made.body, made.status, dict(made.headers), "application/json")


async def render_error(request: Request, error: Exception) -> Response:
    """For Starlette's table of handlers: our own errors."""
    assert isinstance(error, FootfallError)
    return _response(answer(error))


async def render_http_error(request: Request, error: Exception) -> Response:
    """Starlette's own: no such path, no such method."""
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "bad_request")
    headers = tuple((error.headers or {}).items())
    return _response(Answer(error.status_code, body(code, error.detail), headers))


async def render_bug(request: Request, error: Exception) -> Response:
    """All others; Starlette raises it on to the server, which logs it."""
    return _response(Answer(500, BUG))
