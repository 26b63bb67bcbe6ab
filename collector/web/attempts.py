"""Tries to sign in, throttled: by address, and by account. Nobody can lock everybody out, and memory is bounded.

What enters: an address, an account's name, the present moment. What leaves: 0, or how long to wait.
"""

from __future__ import annotations

import asyncio

from collector.errors import Unavailable
from collector.web import passwords
from collector.web.buckets import Buckets, block_of

# So many at once, then one each so many seconds.
PER_ADDRESS = (10, 15.0)
PER_ACCOUNT = (20, 30.0)
KNOWN_MAX = 1_000
JUDGED_MAX = 20


class Attempts:
    """A try costs a place, and one that succeeds gives it back.

    From where somebody has signed in before, the account's own limit does not hold: guesses made elsewhere keep nobody
    from their desk.
    """

    def __init__(self) -> None:
        self._one_at_a_time = asyncio.Semaphore(1)
        self._judging = 0
        self._addresses = Buckets(*PER_ADDRESS)
        self._accounts = Buckets(*PER_ACCOUNT)
        self._known: dict[tuple[str, str], None] = {}

    def wait_s(self, address: str, account: str, now_s: float) -> float:
        """0 where a try may be made, and then it counts as one that failed until `succeed`."""
        block = block_of(address)
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
        block = block_of(address)
        self._addresses.give_back(block)
        self._accounts.give_back(account)
        self._known.pop((account, block), None)
        if len(self._known) >= KNOWN_MAX:
            del self._known[next(iter(self._known))]
        self._known[account, block] = None
