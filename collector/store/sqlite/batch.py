"""What one step of derivation touches: persons, visitors, orders and customers that must be derived anew.

What enters: what each call says, and what became of each visitor. What leaves: the same, together. It reads nothing.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from collector.store.sqlite.ordering import Reference
from collector.store.sqlite.portraits import Gained
from collector.store.sqlite.tenure import Settled


class Batch:
    """What a batch of events touches and must be derived anew."""

    def __init__(self, *, loses: bool = False) -> None:
        """`loses`: anybody may have lost something, also where no rule says so."""
        self._loses = loses
        self.claims: list[tuple[Any, ...]] = []
        self.claimed: defaultdict[int, set[int]] = defaultdict(set)  # of each visitor, the events whose claims are new
        self.persons: set[int] = set()
        self.named: set[int] = set()
        self.orders: set[Reference] = set()
        self.visitors: set[int] = set()
        self.customers: set[int] = set()
        self.curtailed: set[int] = set()
        self.held: defaultdict[int, list[int]] = defaultdict(list)  # of each customer, the settled visitors
        self.seen: dict[int, tuple[int, int]] = {}  # of each visitor: who held it before, and until when it was seen

    def claim(self, visitor: int, seq: int, told: tuple[Any, ...]) -> None:
        """`told`: act, why, user, email and strength."""
        self.claims.append((visitor, seq, *told))
        self.claimed[visitor].add(seq)

    def settle(self, visitor: int, settled: Settled) -> None:
        self.customers |= settled.customers
        self.curtailed |= settled.curtailed
        for customer in settled.held:
            self.held[customer].append(visitor)

    def gained(self, customer: int, seen: dict[int, int]) -> Gained | None:
        """What a customer has more than before; None where some may be gone. `seen`: what `seen_beside` gave."""
        if self._loses or customer in self.curtailed:
            return None
        return Gained(self.held[customer], seen.get(customer, 0))

    def seen_beside(self) -> dict[int, int]:
        """Until when each customer was seen by visitors that nothing was to be settled of."""
        seen: dict[int, int] = {}
        for visitor, (holder, time) in self.seen.items():
            if time and visitor not in self.visitors:
                seen[holder] = max(seen.get(holder, 0), time)
        return seen
