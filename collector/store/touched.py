"""Whom calls speak of that are stored and not derived from yet: what a look-up of a key may have to wait for.

What enters: entries as they are acknowledged, each with a growing mark. What leaves: the visitors and the people whom
they name, the orders that they tell of and the addresses that they link, which may touch others. What joins two people
may touch anybody. It knows no store: who bears which ids is its affair.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import NamedTuple, TypeVar

from collector.event import Event
from collector.orders import order_id_of
from collector.properties import exact_properties
from collector.store.keys import Kind

# Of so many ids it keeps count; where more wait, everybody does.
KEPT_MAX = 20_000
NOBODY = -1  # below every mark
# What is derived is cleared out when what is noted has doubled, and is more than this.
CLEARED_OUT_MIN = 1_000

T = TypeVar("T", bound=Hashable)
Person = tuple[int, str, str]  # kind, space, value, as in a key
Order = tuple[str, str]  # site, order_id


class Told(NamedTuple):
    """Whom earlier calls name of these orders, and whose devices these addresses claimed, in one state of the store."""

    derived: int
    orders: frozenset[Order] = frozenset()
    links: frozenset[str] = frozenset()
    visitors: frozenset[str] = frozenset()
    people: frozenset[Person] = frozenset()

    def names(self, visitors: Iterable[str], people: Iterable[Person]) -> bool:
        """Whether any of these is among them."""
        return not (self.visitors.isdisjoint(visitors) and self.people.isdisjoint(people))


class Touched:
    """Made to be noted in; what has been derived since is left behind by `after`, which leaves this one as it is.

    What has been derived stays a while among what is noted, up to `_derived`: to take it out costs more than to know.
    """

    __slots__ = ("_derived", "_everybody", "_kept", "_links", "_newest", "_orders", "_people", "_visitors", "told")

    def __init__(self, *, everybody: bool = False) -> None:
        """`everybody`: until something is left behind, since nobody knows what had been stored before."""
        self._derived = self._newest = NOBODY
        self._everybody = 0 if everybody else NOBODY
        self.told = Told(NOBODY)  # kept here by whoever looks for it
        self._begin({}, {}, {}, {})

    def note(self, mark: int, entries: Iterable[object]) -> None:
        """These entries are stored; those that are no events touch nobody."""
        for entry in entries:
            if isinstance(entry, Event):
                self._note(mark, entry)
                self._newest = max(self._newest, mark)
        if self._noted > KEPT_MAX:
            self._clear_out()
            if self._noted > KEPT_MAX:
                self._everybody = max(self._everybody, mark)  # first: another thread may be asking
                self._begin({}, {}, {}, {})

    def after(self, mark: int) -> Touched:
        """What is left when all up to this mark is derived."""
        left = Touched()
        mark = max(mark, self._derived)  # who files may not know how far it had come
        left._derived, left._newest, left._everybody, left.told = mark, self._newest, self._everybody, self.told
        if self._newest > mark:
            left._begin(self._visitors, self._people, self._links, self._orders)
            left._kept = self._kept
            if left._noted > 2 * self._kept + CLEARED_OUT_MIN:
                left._clear_out()
        return left

    @property
    def anybody(self) -> bool:
        return self._newest > self._derived or self.everybody

    @property
    def everybody(self) -> bool:
        return self._everybody > self._derived

    @property
    def links(self) -> list[str]:
        """Addresses that may have become others': so may, then, what they claimed."""
        return [address for address, at in list(self._links.items()) if at > self._derived]

    @property
    def orders(self) -> list[Order]:
        return [order for order, at in list(self._orders.items()) if at > self._derived]

    def names(self, visitors: Iterable[str], people: Iterable[Person]) -> bool:
        """Whether any of these is spoken of."""
        return (
            any(self._visitors.get(visitor, NOBODY) > self._derived for visitor in visitors)
            or any(self._people.get(person, NOBODY) > self._derived for person in people)
            or self.everybody  # last: what is kept of the others may be dropped meanwhile
        )

    @property
    def _noted(self) -> int:
        return len(self._visitors) + len(self._people) + len(self._orders)

    def _begin(
        self,
        visitors: dict[str, int],
        people: dict[Person, int],
        links: dict[str, int],
        orders: dict[Order, int],
    ) -> None:
        self._visitors, self._people, self._links, self._orders = visitors, people, links, orders
        self._kept = self._noted

    def _clear_out(self) -> None:
        """Keep only what is not derived, in dictionaries of its own."""
        self._begin(*(self._after(noted) for noted in (self._visitors, self._people, self._links, self._orders)))

    def _after(self, noted: dict[T, int]) -> dict[T, int]:
        return {one: at for one, at in noted.items() if at > self._derived}

    def _note(self, mark: int, event: Event) -> None:
        if event.visitor:
            _keep(self._visitors, event.visitor, mark)
        if event.email:
            _keep(self._people, (Kind.EMAIL.value, "", event.email), mark)
        if event.user:
            _keep(self._people, (Kind.USER.value, event.space, event.user), mark)
            if event.previous:
                self._everybody = max(self._everybody, mark)
            elif event.email:
                _keep(self._links, event.email, mark)
        if '"order' in event.properties:
            order_id = order_id_of(event.type, event.name, exact_properties(event.properties))
            if order_id is not None:
                _keep(self._orders, (event.site, order_id), mark)


def _keep(noted: dict[T, int], one: T, mark: int) -> None:
    """Marks may come out of order: what is written straight into the log is answered by another."""
    if mark > noted.get(one, NOBODY):
        noted[one] = mark
