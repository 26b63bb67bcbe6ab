"""The builds of the snippet that the package brings: the present one, and earlier ones that pages may be pinned to.

What enters: the committed files, and where the operator lets calls be sent to. What leaves: their bytes and hashes. It
knows no site and no request.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from base64 import b64encode
from collections.abc import Iterator
from functools import cache
from hashlib import sha384
from importlib.resources import files

from collector import __version__
from collector.web.tags import Version

CORE, MODULE, TYPES = "f", "f.mjs", "f.d.ts"
BUILT = files(__package__) / "static" / "snippet"
KEPT = files(__package__) / "kept"
PARTS = tuple(
    sorted(one.name[:-3] for one in BUILT.iterdir() if one.name.startswith(f"{CORE}.") and one.name[-3:] == ".js")
)
CALLS_PATH = "v1/batch"
HASH_DIGITS = 12


def built(part: str, calls_path: str = CALLS_PATH) -> bytes:
    """A script of the present build, without its `.js`."""
    return file(f"{part}.js", calls_path)


@cache
def file(name: str, calls_path: str = CALLS_PATH) -> bytes:
    """A file of the present build."""
    return _sending((BUILT / name).read_bytes(), calls_path)


def kept(calls_path: str = CALLS_PATH) -> Iterator[tuple[str, bytes]]:
    """The scripts of earlier builds. Each stands in the package as it was served: PART.HASH.js."""
    for one in sorted(KEPT.iterdir(), key=lambda one: one.name):
        if one.name.endswith(".js"):
            yield one.name.rpartition(".")[0].rpartition(".")[0], _sending(one.read_bytes(), calls_path)


def short_hash(text: bytes) -> str:
    """What stands in a versioned name."""
    return sha384(text).hexdigest()[:HASH_DIGITS]


def version(part: str = CORE, calls_path: str = CALLS_PATH) -> Version:
    """What a pinned tag says of the present build. That knows no site's settings: they stand in the tag, too."""
    text = built(part, calls_path)
    return Version(hash=short_hash(text), integrity="sha384-" + b64encode(sha384(text).digest()).decode())


def versioned_path(part: str = CORE) -> str:
    """Where exactly the present build is served."""
    return f"/{part}.{version(part).hash}.js"


def stub() -> str:
    """What a page puts before the tag if it calls `footfall` before the script has come."""
    return built("stub").decode().strip()


@cache
def package(calls_path: str = CALLS_PATH) -> bytes:
    """The module and its types, packed as npm installs them."""
    described = {
        "name": "footfall-snippet",
        "version": __version__,
        "type": "module",
        "types": f"./{TYPES}",
        "exports": {".": {"types": f"./{TYPES}", "import": f"./{MODULE}"}},
        "sideEffects": False,
    }
    held = {"package.json": json.dumps(described, indent=2).encode() + b"\n"}
    held |= {name: file(name, calls_path) for name in (MODULE, TYPES)}
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, content in held.items():
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size, entry.mode = len(content), 0o644
            tar.addfile(entry, io.BytesIO(content))
    return gzip.compress(archive.getvalue(), 9, mtime=0)


def _sending(text: bytes, calls_path: str) -> bytes:
    """The same script, sending to another path."""
    return text if calls_path == CALLS_PATH else text.replace(CALLS_PATH.encode(), calls_path.encode())
