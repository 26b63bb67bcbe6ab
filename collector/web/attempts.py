"""Tries to sign in, throttled: by address, and by account. Nobody can lock everybody out, and memory is bounded.

What enters: an address, an account's name, the present moment. What leaves: 0, or how long to wait. A name and an
address are known only as one of so many buckets, by a hash that no stranger can foresee.
"""

from __future__ import annotations

import asyncio
import secrets
from hashlib import blake2b
from ipaddress import IPv6Address, ip_address

from collector.errors import Unavailable
from collector.web import passwords

BUCKETS = 8_192
# So many at once, then one each so many seconds.
PER_ADDRESS = (10, 15.0)
PER_ACCOUNT = (20, 30.0)
KNOWN_MAX = 1_000
JUDGED_MAX = 20


class _Buckets:
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


class Attempts:
    """A try costs a place, and one that succeeds gives it back.

    From where somebody has signed in before, the account's own limit does not hold: guesses made elsewhere keep nobody
    from their desk.
    """

    def __init__(self) -> None:
        self._one_at_a_time = asyncio.Semaphore(1)
        self._judging = 0
        self._addresses = _Buckets(*PER_ADDRESS)
        self._accounts = _Buckets(*PER_ACCOUNT)
        self._known: dict[tuple[str, str], None] = {}

    def wait_s(self, address: str, account: str, now_s: float) -> float:
        """0 where a try may be made, and then it counts as one that failed until `succeed`."""
        block = _block(address)
        wait_s = self._addresses.wait_s(block, now_s)
        if (account, block) not in self._known:
            wait_s = max(wait_s, self._accounts.wait_s(account, now_s))
        if wait_s:
            return wait_s
        self._addresses.spend(block, now_s)
        self._accounts.spend(account, now_s)
        return 0.0

    async def judge(self, password: str, hash: str) -> bool:
        """Whether the password fits. One at a time: guesses may take one processor's time, never all.

        Raises Unavailable where too many wait.
        """
        if self._judging >= JUDGED_MAX:
            raise Unavailable("too many sign in at once; try again, or use a one-time link", retry_after_s=5)
        self._judging += 1
        try:
            async with self._one_at_a_time:
                return await asyncio.to_thread(passwords.fits, password, hash)
        finally:
            self._judging -= 1

    def succeed(self, address: str, account: str) -> None:
        """It was the right password."""
        block = _block(address)
        self._addresses.give_back(block)
        self._accounts.give_back(account)
        self._known.pop((account, block), None)
        if len(self._known) >= KNOWN_MAX:
            del self._known[next(iter(self._known))]
        self._known[account, block] = None


def _block(address: str) -> str:
    """Whoever has one IPv6 address has a /64 of them."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return str(IPv6Address(int(parsed) >> 64 << 64))
    return str(parsed)
