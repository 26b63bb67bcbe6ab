"""The headers that let a page read an answer. No answer here is for requests that bear cookies.

What enters: the page's origin, and whether it may. What leaves: headers.
"""

from __future__ import annotations

Headers = list[tuple[bytes, bytes]]

VARY = (b"vary", b"Origin")
DAY_S = 86_400


def readable(origin: str | None, allowed: bool) -> Headers:
    """For an answer: a page of an allowed origin may read it."""
    if origin is None or not allowed:
        return [VARY]
    return [
        VARY,
        (b"access-control-allow-origin", origin.encode("latin-1")),
        (b"access-control-expose-headers", b"Retry-After"),
    ]


def preflight(origin: str) -> Headers:
    """For the question that a browser asks before it sends what is not a simple request."""
    return [
        *readable(origin, True),
        (b"access-control-allow-methods", b"POST, GET"),
        (b"access-control-allow-headers", b"authorization, content-type, content-encoding"),
        (b"access-control-max-age", str(DAY_S).encode()),
    ]
