"""Handing a visitor over to a second domain of the same site: signed, for seconds, for one use.

What enters: a visitor on one page, a token on another. What leaves: the token, and once the visitor. They wait in
memory only, so what nobody redeems leaves no trace. It knows no request.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64encode
from collections import OrderedDict
from hashlib import sha256

from msgspec import Struct

from collector.event import Site

LIFE_MS = 30_000
WAITING_MAX = 10_000
NONCE_BYTES = 16


class HandedOver(Struct, frozen=True):
    """Whom a token stands for, and what they had allowed."""

    visitor: str
    preferences: dict[str, bool]


class Handovers:
    """Those under way."""

    def __init__(self) -> None:
        # Oldest first, for all live equally long.
        self._waiting: OrderedDict[tuple[str, str], tuple[int, HandedOver]] = OrderedDict()

    def give(self, site: Site, whom: HandedOver, now_ms: int) -> str:
        """A token for one use on another domain of the site."""
        self._forget(now_ms)
        while len(self._waiting) >= WAITING_MAX:
            self._waiting.popitem(last=False)
        nonce, until_ms = secrets.token_urlsafe(NONCE_BYTES), now_ms + LIFE_MS
        self._waiting[site.name, nonce] = (until_ms, whom)
        return f"{nonce}.{until_ms}.{_signature(site, nonce, until_ms)}"

    def redeem(self, site: Site, token: str, now_ms: int) -> HandedOver | None:
        """Whom this token stands for; None where it is forged, another site's, too old or used."""
        self._forget(now_ms)
        nonce, _, rest = token.partition(".")
        until, _, signature = rest.partition(".")
        if not (until.isascii() and until.isdigit() and len(until) < NONCE_BYTES):
            return None
        if not hmac.compare_digest(signature.encode(), _signature(site, nonce, int(until)).encode()):
            return None
        until_ms, whom = self._waiting.pop((site.name, nonce), (0, None))
        return whom if now_ms < until_ms else None

    def _forget(self, now_ms: int) -> None:
        """What is too old. A clock that was put back keeps nothing for longer than it would live."""
        while self._waiting:
            until_ms, _ = next(iter(self._waiting.values()))
            if now_ms < until_ms <= now_ms + LIFE_MS:
                break
            self._waiting.popitem(last=False)


def _signature(site: Site, nonce: str, until_ms: int) -> str:
    signed = f"handover\0{site.name}\0{nonce}\0{until_ms}".encode("utf-8", "surrogatepass")
    digest = hmac.digest(site.identity_key.encode(), signed, sha256)
    return urlsafe_b64encode(digest).decode().rstrip("=")
