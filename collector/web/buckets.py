"""Throttles for what is done seldom: so much at once, then one each so many seconds; in bounded memory.

What enters: a name and the present moment. What leaves: 0, or how long to wait. A name is known only as one of so many
buckets, by a hash that no stranger can foresee.
"""

from __future__ import annotations

import secrets
from hashlib import blake2b
from ipaddress import IPv6Address, ip_address

BUCKETS = 8_192


class Buckets:
    """A cell for each of BUCKETS: the time at which it would be full again (ITU-T I.371)."""

    def __init__(self, tries: int, every_s: float) -> None:
        self._burst_s, self._every_s = tries * every_s, every_s
        self._full_at: dict[int, float] = {}
        self._key = secrets.token_bytes(16)

    def wait_s(self, name: str, now_s: float) -> float:
        over_s = max(self._full_at.get(self._bucket(name), now_s), now_s) + self._every_s - now_s - self._burst_s
        return over_s if over_s > 1e-9 else 0.0

    def spend(self, name: str, now_s: float) -> None:
        bucket = self._bucket(name)
        self._full_at[bucket] = max(self._full_at.get(bucket, now_s), now_s) + self._every_s

    def give_back(self, name: str) -> None:
        bucket = self._bucket(name)
        if bucket in self._full_at:
            self._full_at[bucket] -= self._every_s

    def _bucket(self, name: str) -> int:
        hashed = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=4, key=self._key).digest()
        return int.from_bytes(hashed, "big") % BUCKETS


def block_of(address: str) -> str:
    """Whoever has one IPv6 address has a /64 of them."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return str(IPv6Address(int(parsed) >> 64 << 64))
    return str(parsed)
