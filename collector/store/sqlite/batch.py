"""What one step of derivation touches: persons, visitors, orders and customers that must be derived anew.

What enters: what each call says, and what became of each visitor. What leaves: the same, together. It reads nothing.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from collector.store.sqlite.ordering import Reference
from collector.store.sqlite.portraits import Change
from collector.store.sqlite.tenure import Lost, Settled


class Batch:
    """What a batch of events touches and must be derived anew."""

    def __init__(self, *, loses: bool = False) -> None:
        """`loses`: anything of anybody's may be gone."""
        self._loses = loses
        self.claims: list[tuple[Any, ...]] = []
        self.claimed: defaultdict[int, set[int]] = defaultdict(set)  # of each visitor, the events whose claims are new
        self.persons: set[int] = set()
        self.named: set[int] = set()
        self.orders: set[Reference] = set()
        self.visitors: set[int] = set()
        self.customers: set[int] = set()
        self.curtailed: set[int] = set()  # customers who may have lost more than `_lost` says
        self.seen: dict[int, tuple[int, list[int]]] = {}  # of each visitor: who held it before, and when it was seen
        self._held: defaultdict[int, set[int]] = defaultdict(set)  # of each customer, visitors that were settled
        self._lost: defaultdict[int, list[Lost]] = defaultdict(list)

    def claim(self, visitor: int, seq: int, told: tuple[Any, ...]) -> None:
        """`told`: act, why, user, email and strength."""
        self.claims.append((visitor, seq, *told))
        self.claimed[visitor].add(seq)

    def settle(self, visitor: int, settled: Settled) -> None:
        self.customers |= settled.customers
        for customer in settled.customers:
            self._held[customer].add(visitor)
        for customer, lost in settled.lost.items():
            self._lost[customer].append(lost)

    def change(self, customer: int, seen: dict[int, list[int]], told_upto: int) -> Change | None:
        """What became of a customer's; None where anything may be gone. `seen`: what `seen_beside` gave."""
        if self._loses or customer in self.curtailed:
            return None
        visitors, lost = sorted(self._held[customer]), self._lost[customer]
        return Change(visitors, lost, seen.get(customer, []), told_upto)

    def seen_beside(self) -> dict[int, list[int]]:
        """When each customer was seen by visitors that nothing was to be settled of."""
        seen: defaultdict[int, list[int]] = defaultdict(list)
        for visitor, (holder, times) in self.seen.items():
            if times and visitor not in self.visitors:
                seen[holder] += times
        return seen
