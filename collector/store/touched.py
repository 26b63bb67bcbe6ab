"""Whom calls speak of that are stored and not derived from yet: what a look-up of a key may have to wait for.

What enters: entries as they are acknowledged, each with a growing mark. What leaves: the visitors and the people whom
they name. What links ids or speaks of an order may touch anybody. It knows no store: who bears which ids is its affair.
"""

from __future__ import annotations

from collections.abc import Iterable

from collector.event import Event
from collector.store.keys import Kind

# Of so many ids it keeps count; where more wait, everybody does.
KEPT_MAX = 20_000
NOBODY = -1  # below every mark

Person = tuple[int, str, str]  # kind, space, value, as in a key


class Touched:
    """Made to be noted in; what has been derived since is left behind by `after`, which leaves this one as it is."""

    __slots__ = ("_everybody", "_people", "_visitors")

    def __init__(self, *, everybody: bool = False) -> None:
        """`everybody`: until something is left behind, since nobody knows what had been stored before."""
        self._visitors: dict[str, int] = {}
        self._people: dict[Person, int] = {}
        self._everybody = 0 if everybody else NOBODY

    def note(self, mark: int, entries: Iterable[object]) -> None:
        """These entries are stored; those that are no events touch nobody."""
        for entry in entries:
            if isinstance(entry, Event):
                self._note(mark, entry)
        if len(self._visitors) + len(self._people) > KEPT_MAX:
            self._everybody = mark  # first: another thread may be asking
            self._visitors, self._people = {}, {}

    def after(self, mark: int) -> Touched:
        """What is left when all up to this mark is derived."""
        left = Touched()
        left._visitors = {visitor: at for visitor, at in self._visitors.items() if at > mark}
        left._people = {person: at for person, at in self._people.items() if at > mark}
        left._everybody = self._everybody if self._everybody > mark else NOBODY
        return left

    @property
    def anybody(self) -> bool:
        return bool(self._visitors or self._people or self.everybody)

    @property
    def everybody(self) -> bool:
        return self._everybody > NOBODY

    def names(self, visitors: Iterable[str], people: Iterable[Person]) -> bool:
        """Whether any of these is spoken of."""
        others = self._visitors.keys().isdisjoint(visitors) and self._people.keys().isdisjoint(people)
        return not others or self.everybody

    def _note(self, mark: int, event: Event) -> None:
        if event.visitor:
            self._visitors[event.visitor] = mark
        if event.email:
            self._people[Kind.EMAIL.value, "", event.email] = mark
        if event.user:
            self._people[Kind.USER.value, event.space, event.user] = mark
            if event.email or event.previous:
                self._everybody = mark
        if '"order' in event.properties:
            self._everybody = mark
