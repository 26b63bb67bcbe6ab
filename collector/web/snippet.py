"""The tag's script and its lazy parts, as the pages of any shop load them.

What enters: the committed build and the sites' public settings. What leaves: `/f.js`, for some minutes, those settings
around it; `/f.HASH.js`, for good, the bare build; and the same of each part. It knows no visitor.
"""

from __future__ import annotations

import gzip
import re
from base64 import b64encode
from collections.abc import Iterable
from functools import cache
from hashlib import sha384
from importlib.resources import files
from typing import Any

import brotli
import msgspec
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from collector.event import ConsentMode, Site
from collector.store.snippets import SnippetSettings

CORE, PROMPT = "f", "f.prompt"
PARTS = (CORE, PROMPT, "f.layer", "f.parts", "f.shop")
SHORT_S = 600
# A browser that is marked as the shop's own staff's gets a script that does nothing.
STAFF_COOKIES = ("__Host-footfall_staff", "footfall_staff")
FOR_STAFF = "/* This browser is marked as the shop's own staff's: nothing is told of it. */\n"
YEAR_S = 31_536_000
HASH_DIGITS = 12
# A quality of 0 means: not this one.
ENCODINGS = {one: re.compile(rf"\b{one}\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))") for one in ("br", "gzip")}
HEADERS = {
    "access-control-allow-origin": "*",
    "cross-origin-resource-policy": "cross-origin",
    "timing-allow-origin": "*",
    "x-content-type-options": "nosniff",
    "vary": "Accept-Encoding",
}


def integrity(part: str = CORE) -> str:
    """What a tag's `integrity` says for the versioned script."""
    return "sha384-" + b64encode(sha384(_built(part)).digest()).decode()


def versioned_path(part: str = CORE) -> str:
    """Where exactly this build is served. It knows no site's settings: they stand in its tag."""
    return f"/{part}.{_hash(_built(part))}.js"


def stub() -> str:
    """What a page puts before the tag if it calls `footfall` before the script has come."""
    return _built("stub").decode().strip()


class Script(Struct, frozen=True):
    """One script, ready to be sent in each encoding."""

    hash: str
    cache_control: str
    encoded: dict[str, bytes]


class Scripts:
    """All that is served, by its path. Tell it the sites with `replace` before it is asked."""

    def __init__(self) -> None:
        self._told: Any = None
        self._pinned = {versioned_path(part): _script(_built(part), pinned=True) for part in PARTS}
        self._live: dict[str, Script] = {}

    def replace(self, sites: Iterable[Site], settings: Iterable[SnippetSettings]) -> None:
        """From now on these are the sites and what they have set."""
        told = (list(sites), list(settings))
        if told == self._told:
            return
        tables = {CORE: core_table(*told), PROMPT: prompt_table(*told)}
        self._live = {f"/{part}.js": _script(_around(_built(part), tables.get(part)), pinned=False) for part in PARTS}
        self._told = told

    def find(self, path: str) -> Script | None:
        return self._live.get(path) or self._pinned.get(path)


def core_table(sites: Iterable[Site], settings: Iterable[SnippetSettings]) -> dict[str, list[str]]:
    """By key: consent mode, cookie domain, the prompt's version; what is left out at the end is the default."""
    by_site = {one.site: one for one in settings}
    table = {}
    for site in sites:
        own = by_site.get(site.name, SnippetSettings(site=site.name))
        mode = "" if site.consent == ConsentMode.OPT_IN else site.consent.value
        row = [mode, own.cookie_domain, own.prompt.version if own.prompt else ""]
        while row and not row[-1]:
            row.pop()
        if row:
            table[fingerprint(site.write_key)] = row
    return table


def prompt_table(sites: Iterable[Site], settings: Iterable[SnippetSettings]) -> dict[str, Any]:
    """By key: the prompts of the sites that have one of their own."""
    prompts = {one.site: one.prompt for one in settings if one.prompt}
    return {fingerprint(site.write_key): prompts[site.name] for site in sites if site.name in prompts}


def fingerprint(key: str) -> str:
    """As in snippet/src/config.js: FNV-1a of 32 bits, base 36. Who reads the script learns the key of no other site."""
    hash = 0x811C9DC5
    for byte in key.encode():
        hash = (hash ^ byte) * 0x01000193 & 0xFFFFFFFF
    digits = ""
    while hash:
        hash, digit = divmod(hash, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits or "0"


async def script(request: Request) -> Response:
    """Any of the scripts."""
    found: Script | None = request.app.state.scripts.find(request.url.path)
    if found is None:
        raise HTTPException(404, "no such script; the console's Install page has the present tag")
    if any(request.cookies.get(name) for name in STAFF_COOKIES):
        return Response(FOR_STAFF, headers=HEADERS | {"cache-control": "no-store"}, media_type="text/javascript")
    accepted = request.headers.get("accept-encoding", "")
    encoding = next((one for one in ENCODINGS if ENCODINGS[one].search(accepted)), "")
    headers = HEADERS | {"cache-control": found.cache_control, "etag": f'"{found.hash}{encoding}"'}
    if headers["etag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if encoding:
        headers["content-encoding"] = encoding
    return Response(found.encoded[encoding], headers=headers, media_type="text/javascript")


def _around(built: bytes, table: object) -> bytes:
    """The script in a block of its own, in which alone the sites' settings have a name."""
    return b"{const ffSites=%b;%b}" % (msgspec.json.encode(table), built.strip()) if table is not None else built


def _script(text: bytes, pinned: bool) -> Script:
    return Script(
        hash=_hash(text),
        cache_control=f"public, max-age={YEAR_S}, immutable" if pinned else f"public, max-age={SHORT_S}",
        encoded={"": text, "gzip": gzip.compress(text, 9, mtime=0), "br": brotli.compress(text, quality=11)},
    )


def _hash(text: bytes) -> str:
    return sha384(text).hexdigest()[:HASH_DIGITS]


@cache
def _built(part: str) -> bytes:
    return (files(__package__) / "static" / "snippet" / f"{part}.js").read_bytes()


routes = [Route("/f.js", script), Route("/f.{rest}.js", script)]
