"""The tag's script and its lazy parts, as browsers of any shop load them.

What enters: the committed build and the sites' public settings. What leaves: `/f.js`, short-lived, with those settings
around it; `/f.HASH.js`, the bare build, immutable; and the same of each part. It knows no visitor.
"""

from __future__ import annotations

import gzip
from base64 import b64encode
from functools import cache
from hashlib import sha384
from importlib.resources import files

import brotli
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

CORE = "f"
PARTS = (CORE, "f.prompt")
SHORT_S = 600
YEAR_S = 31_536_000
HASH_DIGITS = 12
HEADERS = {
    "access-control-allow-origin": "*",
    "cross-origin-resource-policy": "cross-origin",
    "timing-allow-origin": "*",
    "x-content-type-options": "nosniff",
    "vary": "Accept-Encoding",
}


class Script(Struct, frozen=True):
    """One script, ready to be sent in each encoding."""

    etag: str
    encoded: dict[str, bytes]


def integrity(part: str = CORE) -> str:
    """What a tag's `integrity` must say for the versioned script."""
    return "sha384-" + b64encode(sha384(_built(part)).digest()).decode()


def versioned_path(part: str = CORE) -> str:
    """Where exactly this build is served, for as long as browsers like."""
    return f"/{part}.{_hash(part)}.js"


def stub() -> str:
    """What a page puts before the tag if it calls `footfall` on its own."""
    return (files(__package__) / "static" / "snippet" / "stub.js").read_text(encoding="utf-8").strip()


async def live(request: Request) -> Response:
    """A part with the settings of the moment."""
    part = CORE
    return _answer(request, _script(_built(part)), f"public, max-age={SHORT_S}")


async def pinned(request: Request) -> Response:
    """A part as it was built, by its hash."""
    part = CORE
    if request.path_params["hash"] != _hash(part):
        raise HTTPException(404, "no such build: take the tag from the console's Install page")
    return _answer(request, _script(_built(part)), f"public, max-age={YEAR_S}, immutable")


def _answer(request: Request, script: Script, cache_control: str) -> Response:
    accepted = request.headers.get("accept-encoding", "")
    encoding = next((one for one in ("br", "gzip") if one in accepted), "")
    headers = HEADERS | {"cache-control": cache_control, "etag": f'"{script.etag}{encoding}"'}
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    if encoding:
        headers["content-encoding"] = encoding
    return Response(script.encoded[encoding], headers=headers, media_type="text/javascript")


@cache
def _built(part: str) -> bytes:
    return (files(__package__) / "static" / "snippet" / f"{part}.js").read_bytes()


def _hash(part: str) -> str:
    return sha384(_built(part)).hexdigest()[:HASH_DIGITS]


@cache
def _script(text: bytes) -> Script:
    return Script(
        etag=sha384(text).hexdigest()[:HASH_DIGITS],
        encoded={"": text, "gzip": gzip.compress(text, 9, mtime=0), "br": brotli.compress(text, quality=11)},
    )


routes = [Route("/f.js", live), Route("/f.{hash}.js", pinned)]
