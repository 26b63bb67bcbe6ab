"""Whom calls speak of that are stored and not derived from yet: what a look-up of a key may have to wait for.

What enters: entries as they are acknowledged, each with a growing mark. What leaves: the visitors and the people whom
they name, the orders that they tell of and the addresses that they link, which may touch others. What joins two people
may touch anybody. It knows no store: who bears which ids is its affair.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import TypeVar

from collector.event import Event
from collector.orders import order_id_of
from collector.properties import exact_properties
from collector.store.keys import Kind

# Of so many ids it keeps count; where more wait, everybody does.
KEPT_MAX = 20_000
NOBODY = -1  # below every mark

T = TypeVar("T", bound=Hashable)
Person = tuple[int, str, str]  # kind, space, value, as in a key
Order = tuple[str, str]  # site, order_id


class Touched:
    """Made to be noted in; what has been derived since is left behind by `after`, which leaves this one as it is."""

    __slots__ = ("_everybody", "_links", "_orders", "_people", "_visitors")

    def __init__(self, *, everybody: bool = False) -> None:
        """`everybody`: until something is left behind, since nobody knows what had been stored before."""
        self._forget()
        self._everybody = 0 if everybody else NOBODY

    def note(self, mark: int, entries: Iterable[object]) -> None:
        """These entries are stored; those that are no events touch nobody."""
        for entry in entries:
            if isinstance(entry, Event):
                self._note(mark, entry)
        if len(self._visitors) + len(self._people) + len(self._orders) > KEPT_MAX:
            self._everybody = mark  # first: another thread may be asking
            self._forget()

    def after(self, mark: int) -> Touched:
        """What is left when all up to this mark is derived."""
        left = Touched()
        left._visitors = _after(mark, self._visitors)
        left._people = _after(mark, self._people)
        left._links = _after(mark, self._links)
        left._orders = _after(mark, self._orders)
        left._everybody = self._everybody if self._everybody > mark else NOBODY
        return left

    @property
    def anybody(self) -> bool:
        return bool(self._visitors or self._people or self._orders or self.everybody)

    @property
    def everybody(self) -> bool:
        return self._everybody > NOBODY

    @property
    def links(self) -> list[str]:
        """Addresses that may have become others': so may, then, what they claimed."""
        return list(self._links)

    @property
    def orders(self) -> list[Order]:
        return list(self._orders)

    def names(self, visitors: Iterable[str], people: Iterable[Person]) -> bool:
        """Whether any of these is spoken of."""
        others = self._visitors.keys().isdisjoint(visitors) and self._people.keys().isdisjoint(people)
        return not others or self.everybody

    def _forget(self) -> None:
        self._visitors: dict[str, int] = {}
        self._people: dict[Person, int] = {}
        self._links: dict[str, int] = {}
        self._orders: dict[Order, int] = {}

    def _note(self, mark: int, event: Event) -> None:
        if event.visitor:
            self._visitors[event.visitor] = mark
        if event.email:
            self._people[Kind.EMAIL.value, "", event.email] = mark
        if event.user:
            self._people[Kind.USER.value, event.space, event.user] = mark
            if event.previous:
                self._everybody = mark
            elif event.email:
                self._links[event.email] = mark
        if '"order' in event.properties:
            order_id = order_id_of(event.type, event.name, exact_properties(event.properties))
            if order_id is not None:
                self._orders[event.site, order_id] = mark


def _after(mark: int, noted: dict[T, int]) -> dict[T, int]:
    return {one: at for one, at in noted.items() if at > mark}
