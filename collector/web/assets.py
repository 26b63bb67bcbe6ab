"""The console's own files: style sheets, small modules, pictures, read once and named by what is in them.

What enters: a name under `static/`. What leaves: its address, which changes whenever any file does, and its bytes.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable

from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

PREFIX = "/console/static/"
MEDIA_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
    "ico": "image/x-icon",
    "woff2": "font/woff2",
    "json": "application/json",
}
HEADERS = {"x-content-type-options": "nosniff", "cross-origin-resource-policy": "same-origin"}
FOR_EVER = {"cache-control": "public, max-age=31536000, immutable"}
ASK_AGAIN = {"cache-control": "no-cache"}


class Shelf(Struct, frozen=True):
    """All files by name. One version for all of them: modules import each other by relative names."""

    version: str
    contents: dict[str, bytes]


@cache
def shelf() -> Shelf:
    """What is in the package, read at the first question."""
    contents = dict(_walk(files("collector.web") / "static", ""))
    digest = sha256()
    for name, content in contents.items():
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return Shelf(digest.hexdigest()[:12], contents)


def asset(name: str) -> str:
    """The address of a file, for ever. Raises KeyError: a template names a file that is not there."""
    if name not in shelf().contents:
        raise KeyError(f"there is no static file {name}")
    return f"{PREFIX}{shelf().version}/{name}"


async def serve(request: Request) -> Response:
    """A file. Under another version's address comes what there is now, to be asked for again next time."""
    name, version = request.path_params["name"], request.path_params["version"]
    content = shelf().contents.get(name)
    if content is None:
        raise HTTPException(404)
    caching = FOR_EVER if version == shelf().version else ASK_AGAIN
    media_type = MEDIA_TYPES.get(name.rpartition(".")[2], "text/plain; charset=utf-8")
    return Response(content, headers={**HEADERS, **caching, "content-type": media_type})


def _walk(folder: Traversable, prefix: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            found += _walk(entry, f"{prefix}{entry.name}/")
        else:
            found.append((prefix + entry.name, entry.read_bytes()))
    return found


routes = [Route(PREFIX + "{version}/{name:path}", serve)]
