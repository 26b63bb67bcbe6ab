"""Which pages may send: origins as browsers spell them, against those that a site lists.

What enters: the text of an `Origin` header and a site's list. What leaves: yes or no. Origins are hygiene, not
authentication: whoever writes their own client can claim any. It knows no key and no request.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

from collector.errors import Misuse

DEFAULT_PORTS = {"http": 80, "https": 443}
NULL = "null"  # what sandboxed frames and files send


class Origin(NamedTuple):
    scheme: str
    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """Whether the page is served by the visitor's own machine."""
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"


def parse_origin(text: str) -> Origin | None:
    """None where the text is no web page's origin."""
    try:
        parts = urlsplit(text.strip().lower())
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname or parts.path not in ("", "/"):
        return None
    if parts.query or parts.fragment or "@" in parts.netloc:
        return None
    return Origin(parts.scheme, parts.hostname, port or DEFAULT_PORTS[parts.scheme])


def listed_origin(text: str) -> str:
    """An origin as it is kept in a site's list. Raises Misuse where it is none."""
    if text.strip().lower() == NULL:
        return NULL
    origin = parse_origin(text)
    if origin is None:
        raise Misuse(f"{text!r} is not an origin; give it as https://shop.example")
    return str(origin)


class Origins:
    """The pages that may send under a key. While none is listed, those of the visitor's own machine may."""

    __slots__ = ("_exact", "_loopbacks", "_unset")

    def __init__(self, listed: Iterable[str]) -> None:
        self._exact = frozenset(listed)
        self._unset = not self._exact
        parsed = (parse_origin(text) for text in self._exact)
        self._loopbacks = frozenset((one.scheme, one.host) for one in parsed if one is not None and one.loopback)

    def allow(self, text: str) -> bool:
        """Whether a page of this origin may send. A listed loopback origin matches any port."""
        if text in self._exact:
            return True
        if not self._unset and not self._loopbacks:
            return False
        origin = parse_origin(text)
        if origin is None or not origin.loopback:
            return False
        return self._unset or (origin.scheme, origin.host) in self._loopbacks

    def lists(self, text: str) -> bool:
        """Whether somebody has said so of a real page's origin: what is allowed for want of a list does not count."""
        return not self._unset and text != NULL and self.allow(text)
