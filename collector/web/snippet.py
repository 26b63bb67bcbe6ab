"""The tag's script and its lazy parts, as the pages of any shop load them.

What enters: the builds and the sites' public settings. What leaves: `/f.js`, for some minutes, those settings around
it; `/f.HASH.js`, for good, the bare build; the same of each part; the module for bundlers. It knows no visitor.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable
from functools import lru_cache
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
from collector.web.builds import CALLS_PATH, CORE, MODULE, PARTS, TYPES, built, file, kept, package, short_hash, version

# The parts that speak to visitors, in each site's own words.
WORDED = ("f.prompt", "f.erasure")
SHORT_S = 600
# A browser that is marked as the shop's own staff's gets a script that does nothing.
STAFF_COOKIES = ("__Host-footfall_staff", "footfall_staff")
FOR_STAFF = "/* This browser is marked as the shop's own staff's: nothing is told of it. */\n"
YEAR_S = 31_536_000
FOR_MINUTES, FOR_GOOD = f"public, max-age={SHORT_S}", f"public, max-age={YEAR_S}, immutable"
MEDIA_TYPES = {"ts": "text/plain", "tgz": "application/gzip"}
# A quality of 0 means: not this one.
ENCODINGS = {one: re.compile(rf"\b{one}\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))") for one in ("br", "gzip")}
HEADERS = {
    "access-control-allow-origin": "*",
    "cross-origin-resource-policy": "cross-origin",
    "timing-allow-origin": "*",
    "x-content-type-options": "nosniff",
    "vary": "Accept-Encoding",
}


class Script(Struct, frozen=True):
    """One file, ready to be sent."""

    text: bytes
    cache_control: str

    @property
    def hash(self) -> str:
        return short_hash(self.text)


class Scripts:
    """All that is served, by its path. Tell it the sites with `replace` before it is asked.

    What the operator has renamed is served by its first name too: a tag that was pasted before goes on working.
    """

    def __init__(self, script_name: str = CORE, path_prefix: str = "", calls_path: str = CALLS_PATH) -> None:
        self._told: Any = None
        self._name, self._prefix = script_name, path_prefix
        self.version = version(CORE, calls_path)
        self._built = {part: built(part, calls_path) for part in PARTS}
        pinned = [*kept(calls_path), *self._built.items()]
        self._pinned = {f"/{part}.{short_hash(text)}.js": Script(text, FOR_GOOD) for part, text in pinned}
        beside = {name: file(name, calls_path) for name in (MODULE, TYPES)} | {f"{CORE}.tgz": package(calls_path)}
        self._pinned |= {f"/{name}": Script(text, FOR_MINUTES) for name, text in beside.items()}
        self._live: dict[str, Script] = {}

    def replace(self, sites: Iterable[Site], settings: Iterable[SnippetSettings]) -> None:
        """From now on these are the sites and what they have set."""
        told = (list(sites), list(settings))
        if told == self._told:
            return
        tables = {CORE: core_table(*told)} | dict.fromkeys(WORDED, prompt_table(*told))
        around = {part: _around(text, tables.get(part)) for part, text in self._built.items()}
        self._live = {f"/{part}.js": Script(text, FOR_MINUTES) for part, text in around.items()}
        self._told = told

    def find(self, path: str) -> Script | None:
        path, own = path.removeprefix(self._prefix), f"/{self._name}."
        if path.startswith(own):
            path = f"/{CORE}.{path[len(own) :]}"
        return self._live.get(path) or self._pinned.get(path)

    def routes(self) -> list[Route]:
        """Where they are served."""
        places = {f"{prefix}/{name}" for prefix in ("", self._prefix) for name in (CORE, self._name)}
        return [Route(f"{place}.{{rest}}", script) for place in sorted(places)]


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
    if request.url.path.endswith(".js") and any(request.cookies.get(name) for name in STAFF_COOKIES):
        return Response(FOR_STAFF, headers=HEADERS | {"cache-control": "no-store"}, media_type="text/javascript")
    accepted = request.headers.get("accept-encoding", "")
    encoding = next((one for one in ENCODINGS if ENCODINGS[one].search(accepted)), "")
    headers = HEADERS | {"cache-control": found.cache_control, "etag": f'"{found.hash}{encoding}"'}
    if headers["etag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if encoding:
        headers["content-encoding"] = encoding
    media_type = MEDIA_TYPES.get(request.url.path.rpartition(".")[2], "text/javascript")
    return Response(_encoded(found.text, encoding), headers=headers, media_type=media_type)


def _around(built: bytes, table: object) -> bytes:
    """The script in a block of its own, in which alone the sites' settings have a name. What it tells V8 stays at
    the top."""
    if table is None:
        return built
    told = built[: built.index(b"\n") + 1] if built.startswith(b"//") else b""
    return b"%b{const ffSites=%b;%b}" % (told, msgspec.json.encode(table), built[len(told) :].strip())


@lru_cache(maxsize=256)
def _encoded(text: bytes, encoding: str) -> bytes:
    if encoding == "br":
        return bytes(brotli.compress(text, quality=11))
    return gzip.compress(text, 9, mtime=0) if encoding else text
