"""The contract's links and aliases, read aloud: which ids are one person's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from oracle_words import Person, Place, Undo, email_of, is_explicit, is_track, joins_again, place_of, user_of

from collector.event import Event, Trust


class Customers:
    """Which ids are one person's, by links and aliases."""

    def __init__(self, log: Sequence[Event], undos: Sequence[Undo]) -> None:
        self.sets: list[set[Person]] = []
        self.targets: list[tuple[Place, Person]] = []
        links = [(e, *pair) for e in log for pair in pairs(e) if not undone(e, *pair, undos)]
        for e, one, user in sorted(links, key=lambda link: (-link[0].trust, place_of(link[0]))):
            left, right = self.set_of(one), self.set_of(user)
            if left is right:
                pass
            elif e.type != "alias" and users_in(left) and users_in(right):
                continue
            else:
                self.sets = [s for s in self.sets if s is not left and s is not right] + [left | right]
            if e.type == "alias":
                self.targets.append((place_of(e), user))

    def set_of(self, person: Person) -> set[Person]:
        for ids in self.sets:
            if person in ids:
                return ids
        self.sets.append({person})
        return self.sets[-1]

    def key(self, person: Person) -> Person:
        """The user id that the latest alias leads to, else the only user id, else the e-mail address."""
        ids = self.set_of(person)
        aimed = [(place, target) for place, target in self.targets if target in ids]
        if aimed:
            return max(aimed)[1]
        return min(users_in(ids) or ids)

    def all(self, persons: Iterable[Person]) -> dict[Person, frozenset[Person]]:
        return {self.key(person): frozenset(self.set_of(person)) for person in persons}


def users_in(ids: set[Person]) -> set[Person]:
    return {person for person in ids if person[0] == "user"}


def pairs(e: Event) -> list[tuple[Person, Person]]:
    """(an address, a user id) that a call links, or (a former, a present user id) that it joins."""
    user, email = user_of(e), email_of(e)
    # reading: a link is a claim, and a call that staff made claims nothing.
    if e.trust is Trust.CLAIMED or e.staff or not user:
        return []
    if e.type == "alias" and e.server and e.previous and e.previous != e.user:
        return [(("user", e.space, e.previous), user)]
    if email and (e.type == "identify" or is_track(e, "Signed Up", "Signed In")):
        return [(email, user)]
    return []


def undone(e: Event, one: Person, other: Person, undos: Sequence[Undo]) -> bool:
    """Likewise: void at or before the undo, and afterwards only the explicit or the strong joins again."""
    for undo in undos:
        apart = (one == undo.person and other in undo.others) or (other == undo.person and one in undo.others)
        if apart and (e.time <= undo.time or not joins_again(e.trust, is_explicit(e))):
            return True
    return False


def mentioned(log: Iterable[Event], who: Customers) -> set[Person]:
    """The keys of all whom any call names, customers or not."""
    named = {person for e in log for person in (user_of(e), email_of(e)) if person}
    named |= {person for e in log for pair in pairs(e) for person in pair}
    return {who.key(person) for person in named}
