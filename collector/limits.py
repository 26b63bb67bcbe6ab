"""How much one call may hold: decoded JSON in, the first limit that it breaks out (DESIGN.md, section 2).

Nothing is ever cut to fit: a call over a limit is refused whole. The walk is by level and never recursive, so no
depth can exhaust the stack. What the fields mean is not known here.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import msgspec

from collector.errors import BodyTooLarge, NotACall
from collector.event import Reason

KB = 1024
BODY_BYTES_MAX = 500 * KB
CALL_BYTES_MAX = 32 * KB
SERVER_CALL_BYTES_MAX = 256 * KB
STRING_BYTES_MAX = 8 * KB
PRODUCT_BYTES_MAX = 8 * KB
PROPERTIES_MAX = 64
PRODUCTS_MAX = 500
DEPTH_MAX = 8
GZIP_MAGIC = b"\x1f\x8b"
INTEGER_MIN, INTEGER_MAX = -(2**63), 2**64 - 1

Breach = tuple[Reason, str]


def inflate(body: bytes, content_encoding: str | None) -> bytes:
    """The body as it was before compression; gzip is known by the header or by its first two bytes.

    BodyTooLarge as soon as it passes BODY_BYTES_MAX; NotACall where the encoding is unknown or broken.
    """
    if len(body) > BODY_BYTES_MAX:
        raise BodyTooLarge(f"the body is over {BODY_BYTES_MAX} bytes")
    encoding = (content_encoding or "").strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip"):
        raise NotACall("unknown_encoding", f"Content-Encoding {encoding[:40]!r} is not known; use gzip or none")
    if body.startswith(GZIP_MAGIC):
        return _gunzip(body)
    if encoding in ("gzip", "x-gzip"):
        raise NotACall("broken_gzip", "the body is labelled gzip and is not")
    return body


def _gunzip(body: bytes) -> bytes:
    """Every member in turn, never holding more than one byte over the limit; zero bytes may pad the end."""
    whole = b""
    while body:
        member = zlib.decompressobj(wbits=31)
        try:
            whole += member.decompress(body, BODY_BYTES_MAX + 1 - len(whole))
        except zlib.error as error:
            raise NotACall("broken_gzip", "the body is broken gzip") from error
        if len(whole) > BODY_BYTES_MAX:
            raise BodyTooLarge(f"the body is over {BODY_BYTES_MAX} bytes after inflating")
        if not member.eof:
            raise NotACall("broken_gzip", "the body is gzip that was cut short")
        body = member.unused_data.lstrip(b"\0")
    return whole


def size_breach(size: int, server: bool) -> Breach | None:
    """Whether a call of `size` bytes of JSON, as sent, is too large for the key that it came under."""
    size_max = SERVER_CALL_BYTES_MAX if server else CALL_BYTES_MAX
    if size > size_max:
        return Reason.TOO_LARGE, f"the call is {size} bytes; the limit is {size_max}"
    return None


def shape_breach(message: dict[str, Any], raw: bytes) -> Breach | None:
    """The first rule of depth, number or string that a decoded call breaks.

    Depth counts objects and lists, the call itself being 1: `properties` is 2, `products` 3, a line 4, and
    `context.consent.categoryPreferences` 4. Scalars add nothing. `raw` is all JSON that `message` was made of: where
    that is small and holds no NUL escape, no string in it can be too long or hold a NUL, and none is looked at.
    """
    level: list[Any] = [message]
    depth = 1
    while level:
        if depth > DEPTH_MAX:
            return Reason.TOO_DEEP, f"objects and lists are nested deeper than {DEPTH_MAX}"
        below: list[Any] = []
        for node in level:
            for value in node.values() if type(node) is dict else node:
                kind = type(value)
                if kind is dict or kind is list:
                    below.append(value)
                elif kind is int and not INTEGER_MIN <= value <= INTEGER_MAX:
                    return Reason.MALFORMED, "a whole number does not fit into 64 bits; send it as text"
        level = below
        depth += 1
    if len(raw) > STRING_BYTES_MAX or b"\\u0000" in raw:
        return _string_breach(message)
    return None


def properties_breach(properties: dict[str, Any], size: int) -> Breach | None:
    """Whether `properties` (or traits) has too many keys or product lines, or a line too large.

    A line is measured as compact JSON. `size` is that of the whole call: no line can be larger.
    """
    if len(properties) > PROPERTIES_MAX:
        return Reason.TOO_MANY_PROPERTIES, f"{len(properties)} properties; the limit is {PROPERTIES_MAX}"
    products = properties.get("products")
    if type(products) is not list:
        return None
    if len(products) > PRODUCTS_MAX:
        return Reason.TOO_MANY_PRODUCTS, f"{len(products)} product lines; the limit is {PRODUCTS_MAX}"
    if size > PRODUCT_BYTES_MAX:
        for place, line in enumerate(products):
            if len(msgspec.json.encode(line)) > PRODUCT_BYTES_MAX:
                return Reason.PRODUCT_TOO_LARGE, f"product line {place} is over {PRODUCT_BYTES_MAX} bytes"
    return None


def _string_breach(message: dict[str, Any]) -> Breach | None:
    for text in _strings(message):
        if len(text) > STRING_BYTES_MAX or len(text.encode()) > STRING_BYTES_MAX:
            return Reason.STRING_TOO_LONG, f"a string is over {STRING_BYTES_MAX} bytes: {text[:40]!r}..."
        if "\0" in text:
            return Reason.MALFORMED, f"a string holds the NUL character: {text[:40]!r}"
    return None


def _strings(message: dict[str, Any]) -> Iterator[str]:
    nodes: list[Any] = [message]
    while nodes:
        node = nodes.pop()
        if type(node) is str:
            yield node
        elif type(node) is dict:
            yield from node
            nodes.extend(node.values())
        elif type(node) is list:
            nodes.extend(node)
