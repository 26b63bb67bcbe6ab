"""What a page of a shop asks beside its calls: small JSON, from an origin that the site lists.

What enters: a request. What leaves: what was asked, of which site, from where; and answers that this page may read.
For anybody else there is nothing here.
"""

from __future__ import annotations

import time
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from collector.errors import BodyTooLarge, NotACall
from collector.ingest.keys import Gate
from collector.web.failure import Denied, TooFast
from collector.web.ingest import Admission

BODY_BYTES_MAX = 4_096


class PageAsks(Struct, frozen=True, rename="camel"):
    """What every page says."""

    write_key: str
    anonymous_id: str = ""


A = TypeVar("A", bound=PageAsks)


async def asked_by_page(request: Request, admission: Admission, type: type[A]) -> tuple[A, Gate, str]:
    """With the page's origin. Raises FootfallError."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > BODY_BYTES_MAX:
            raise BodyTooLarge(f"the body is over {BODY_BYTES_MAX} bytes")
    try:
        asked = msgspec.json.decode(body, type=type)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotACall("not_a_call", "the body is not what the snippet sends") from error
    gate = admission.keyring.find_public(asked.write_key)
    if gate is None:
        raise Denied(401, "unknown_key", "no site has this key")
    origin = request.headers.get("origin", "")
    if not gate.origins.lists(origin):
        raise Denied(403, "origin_not_allowed", "the site does not list the page's origin")
    wait_s = admission.pace.wait_s(address_of(request, admission), time.monotonic())
    if wait_s:
        raise TooFast(wait_s)
    return asked, gate, origin


def address_of(request: Request, admission: Admission) -> str:
    """Whose request it is, as far as the proxies are believed."""
    client = request.client.host if request.client else ""
    forwarded = ",".join(request.headers.getlist("x-forwarded-for"))
    return admission.proxies.client(client, forwarded) if forwarded else client


def answer_page(origin: str, told: dict[str, Any], *, credentials: bool = False) -> Response:
    """An answer that a page of this origin may read."""
    headers = {"access-control-allow-origin": origin, "vary": "Origin", "cache-control": "no-store"}
    if credentials:
        headers["access-control-allow-credentials"] = "true"
    return Response(msgspec.json.encode(told), headers=headers, media_type="application/json")
