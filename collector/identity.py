"""Identity: claims -> tenancies, and links -> customers. A pure function of the log.

What enters: what each call says of a visitor or of an id, the visits, and what staff said. What leaves: which customer
each span of a visitor's events belongs to, with the claim that says so. Persons are any hashable handles.
It knows no store, no wire and no clock; permuting what enters changes nothing of what leaves.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterable, Sequence
from copy import copy
from enum import IntEnum
from itertools import pairwise
from typing import Any, NamedTuple

from msgspec import Struct

from collector.event import VISIT_GAP_MS, Trust
from collector.visits import NEVER_IN_A_VISIT, Key, Visit

SHARED_DEVICE_CUSTOMERS_MAX = 5

Person = Hashable
# A place between events: a key, or a key made longer by `after`, which sorts directly behind it.
Place = tuple[Any, ...]
START: Place = (float("-inf"),)


class Act(IntEnum):
    """What a claim does. ORDER_EMAIL is a log-in unless a user id claimed in this visit holds."""

    LOG_IN = 1
    LOG_OUT = 2
    ORDER_EMAIL = 3


class Why(IntEnum):
    """Which kind of call made a claim or a link; its word is shown as the evidence's kind."""

    IDENTIFY = 1
    SIGNED_IN = 2
    SIGNED_UP = 3
    USER_ID = 4
    ORDER = 5
    ORDER_MATCH = 6
    ALIAS = 7
    SIGNED_OUT = 8

    @property
    def word(self) -> str:
        return self.name.lower()


# After an unlink a browser's word joins again only by one of these.
REJOINS = frozenset({Why.IDENTIFY, Why.SIGNED_IN})
_LOG_INS = {"Signed In": Why.SIGNED_IN, "Signed Up": Why.SIGNED_UP}


class Claim(Struct, frozen=True, gc=False):
    """Evidence that a visitor is a customer, or is one no longer. `seq` is the caller's handle on its event."""

    key: Key
    seq: int
    act: Act
    why: Why
    user: Any
    email: Any
    strength: int

    @property
    def person(self) -> Any:
        return self.email if self.user is None else self.user


class Unlink(Struct, frozen=True):
    """Staff's word at `time` that a visitor is none of `persons` (the customer's raw ids on that day)."""

    time: int
    persons: frozenset[Any]


class Tenancy(Struct, frozen=True):
    """A half-open span [start, end) of places that belongs to a customer; `end` None: open."""

    start: Place
    end: Place | None
    customer: Any
    claim: Claim


class Walked(Struct, frozen=True):
    """Whose a visitor's events are: spans, sorted and apart from each other.

    `suppressed` are the handles of the orders whose address did not count as a log-in, because a user id of that visit
    held. `shared`: a device of many customers.
    """

    tenancies: list[Tenancy]
    suppressed: set[int]
    shared: bool


class Link(Struct, frozen=True):
    """A call's word that `person` (an address, or by alias a former user id) is `user`'s."""

    key: Key
    seq: int
    why: Why
    person: Any
    user: Any
    strength: int


class Undo(Struct, frozen=True):
    """Staff's word at `time` that `person` is none of `persons`."""

    time: int
    person: Any
    persons: frozenset[Any]


def after(key: Key) -> Place:
    """The place directly behind an event."""
    return (*key, 0)


def after_time(time: int) -> Place:
    """The place behind everything of that millisecond."""
    return (time + 1,)


def read_claim(call_type: str, name: str, user: Any, email: Any, trust: int, staff: bool) -> tuple[Act, Why] | None:
    """What a call that carries an anonymousId says of its visitor, and why; None: nothing."""
    if staff:
        return None
    track = call_type == "track"
    if track and name == "Signed Out":
        return Act.LOG_OUT, Why.SIGNED_OUT
    if trust == Trust.CLAIMED or (track and (name in NEVER_IN_A_VISIT or name.startswith("Email "))):
        return None
    named = user is not None or email is not None
    if call_type == "identify":
        return (Act.LOG_IN, Why.IDENTIFY) if named else None
    if track and name in _LOG_INS:
        return (Act.LOG_IN, _LOG_INS[name]) if named else None
    order = track and name == "Order Completed"
    if user is not None:
        return Act.LOG_IN, Why.ORDER if order else Why.USER_ID
    return (Act.ORDER_EMAIL, Why.ORDER) if order and email is not None else None


def links_ids(call_type: str, name: str) -> Why | None:
    """Whether a call that names a user id and an address links the two, and as what kind of call."""
    if call_type == "identify":
        return Why.IDENTIFY
    return _LOG_INS.get(name) if call_type == "track" else None


def tenancies(
    visits: Sequence[Visit],
    claims: Iterable[Claim],
    unlinks: Sequence[Unlink],
    fences: Iterable[int],
    resolve: Callable[[Any], Any],
    departed: int = 0,
) -> Walked:
    """Whose a visitor's events are (contract, section 3, The rule).

    `visits` are sorted; `fences` are times; `resolve` gives a person's customer. `departed`: how many customers have
    been erased whom the device was shared by, and still counts as shared by.
    """
    staying = stays(visits, live(claims, unlinks))
    cuts = sorted([unlink.time for unlink in unlinks] + list(fences))
    walk = Walk(resolve, cuts, shared=False, departed=departed)
    walk.go(staying)
    if walk.crowded:
        walk = Walk(resolve, cuts, shared=True, departed=departed)
        walk.go(staying)
    return Walked(walk.finish(), walk.suppressed, walk.shared)


def live(claims: Iterable[Claim], unlinks: Sequence[Unlink]) -> list[Claim]:
    """The claims that count, in the order in which they are walked."""
    kept = [claim for claim in claims if claim.act is Act.LOG_OUT or not any(_voids(u, claim) for u in unlinks)]
    kept.sort(key=lambda claim: (claim.key, claim.why is Why.ORDER_MATCH, claim.seq))
    return [claim for claim, nxt in pairwise([*kept, None]) if claim is not None and not _outranked(claim, nxt)]


def _voids(unlink: Unlink, claim: Claim) -> bool:
    if claim.person not in unlink.persons:
        return False
    return claim.key[0] <= unlink.time or (claim.strength < Trust.SIGNED and claim.why not in REJOINS)


def _outranked(claim: Claim, nxt: Claim | None) -> bool:
    """The back end's word on an order counts instead of the browser's on the same event; a user id beats an address."""
    if nxt is None or nxt.why is not Why.ORDER_MATCH or nxt.key != claim.key or claim.act is Act.LOG_OUT:
        return False
    return nxt.user is not None or claim.user is None


class Stay(NamedTuple):
    """The visit that a claim falls into, from its first event to its last."""

    first: Key
    last: Key


def stays(visits: Sequence[Visit], claims: Iterable[Claim]) -> list[tuple[Claim, Stay]]:
    """Each claim with its visit; `visits` are sorted."""
    starts = [visit.first.key for visit in visits]
    return [(claim, _stay(claim, visits, starts)) for claim in claims]


def _stay(claim: Claim, visits: Sequence[Visit], starts: list[Key]) -> Stay:
    """One outside of all visits (an alias) is a visit of its own."""
    at = bisect_right(starts, claim.key) - 1
    if at >= 0 and claim.key[0] - visits[at].last.key[0] < VISIT_GAP_MS:
        return Stay(starts[at], visits[at].last.key)
    return Stay(claim.key, claim.key)


class Walk:
    """The state of one walk over a visitor's claims: who holds since when, and since when nobody does.

    It can be copied at any place and gone on with, so that what comes at the end costs a step. `crowded`: more
    customers than one device has, and not yet walked as such.
    """

    def __init__(self, resolve: Callable[[Any], Any], cuts: list[int], shared: bool, departed: int) -> None:
        self.resolve, self.cuts, self.shared, self.departed = resolve, cuts, shared, departed
        self.spans: list[Tenancy] = []
        self.suppressed: set[int] = set()
        self.customers: set[Any] = set()
        self.held: Tenancy | None = None
        self.free_from: Place = START
        self.left: Any = None  # whom the log-out that began this holderless stretch ended
        self.first_log_in_seen = False
        # The visit that it is in: its stay, its last claim so far, and who holds by which kind of id.
        self.stay: Stay | None = None
        self.last_claim: Key | None = None
        self.visit_holder: Any = None
        self.by_user = False

    def copy(self) -> Walk:
        """One that goes on from here by itself."""
        other = copy(self)
        other.spans, other.suppressed, other.customers = [*self.spans], {*self.suppressed}, {*self.customers}
        return other

    @property
    def crowded(self) -> bool:
        return not self.shared and len(self.customers) + self.departed > SHARED_DEVICE_CUSTOMERS_MAX

    def go(self, staying: Iterable[tuple[Claim, Stay]]) -> None:
        for claim, stay in staying:
            self.take(claim, stay)

    def take(self, claim: Claim, stay: Stay) -> None:
        """The next claim, and the visit that it falls into."""
        if self.stay is None or stay.first != self.stay.first:
            self._come_back(stay.first, claim)
            self.by_user, self.visit_holder, self.last_claim = False, None, None
        self.stay = stay
        if claim.act is Act.ORDER_EMAIL and self.by_user:
            self.suppressed.add(claim.seq)
            return
        self.last_claim = claim.key
        customer = None if claim.act is Act.LOG_OUT else self.resolve(claim.person)
        self.by_user = customer is not None and (
            claim.user is not None or (self.by_user and customer == self.visit_holder)
        )
        self.visit_holder = customer
        if claim.act is not Act.LOG_OUT and not self.shared:
            self.customers.add(customer)
        if customer is None:
            self._log_out(claim)
        else:
            self._log_in(claim, customer, stay.first)

    def _visit_end(self) -> Place:
        """Behind the visit that it is in."""
        if self.stay is None or self.last_claim is None:
            return START
        return after(max(self.stay.last, self.last_claim))

    def _come_back(self, first: Place, claim: Claim) -> None:
        if self.held is None:
            return
        if self.shared:
            self._release(self._visit_end())
        elif claim.act is not Act.LOG_OUT and self.resolve(claim.person) != self.held.customer:
            self._release(first)

    def _log_out(self, claim: Claim) -> None:
        if self.held is not None:
            customer = self.held.customer
            self._release(after(claim.key))
            self.left = customer

    def _log_in(self, claim: Claim, customer: Any, visit_first: Place) -> None:
        if self.held is not None and self.held.customer != customer:
            self._release(claim.key)
            self.held = Tenancy(claim.key, None, customer, claim)
        elif self.held is None:
            self.held = Tenancy(self._reach_back(claim, customer, visit_first), None, customer, claim)
        self.first_log_in_seen = True

    def _reach_back(self, claim: Claim, customer: Any, visit_first: Place) -> Place:
        """How far back a log-in without a holder takes what nobody holds: rules (b), (c) and (d)."""
        start = max(visit_first, self.free_from)
        if not self.shared and (not self.first_log_in_seen or self.left == customer):
            start = self.free_from
        cut = bisect_right(self.cuts, claim.key[0] - 1)
        return max(start, after_time(self.cuts[cut - 1])) if cut else start

    def _release(self, end: Place) -> None:
        if self.held is not None:
            if self.held.start < end:
                self.spans.append(Tenancy(self.held.start, end, self.held.customer, self.held.claim))
            self.held, self.free_from, self.left = None, end, None

    def finish(self) -> list[Tenancy]:
        if self.held is not None and self.shared:
            self._release(self._visit_end())
        if self.held is not None:
            self.spans.append(self.held)
        return self.spans


def customers(links: Iterable[Link], undos: Sequence[Undo] = ()) -> dict[Any, tuple[Any, int]]:
    """Every linked person's customer, as (the user id that is its key, the strength of the link).

    An alias joins two user ids, the later target is the key; an address stays with its strongest, then earliest, link.
    Links of one call that would join two user ids change nothing: the address has its place already.
    """
    live = [link for link in links if not any(_undone(undo, link) for undo in undos)]
    key_of = _joined(sorted((link for link in live if link.why is Why.ALIAS), key=lambda link: link.key))
    result = {user: (key, int(Trust.SERVER)) for user, key in key_of.items()}
    for link in sorted(
        (link for link in live if link.why is not Why.ALIAS), key=lambda link: (-link.strength, link.key)
    ):
        result.setdefault(link.user, (key_of.get(link.user, link.user), int(Trust.SERVER)))
        result.setdefault(link.person, (key_of.get(link.user, link.user), link.strength))
    return result


def _undone(undo: Undo, link: Link) -> bool:
    ends = (link.person, link.user)
    if undo.person not in ends or not any(end in undo.persons for end in ends):
        return False
    return link.key[0] <= undo.time or (link.strength < Trust.SIGNED and link.why not in REJOINS)


def _joined(aliases: Iterable[Link]) -> dict[Any, Any]:
    groups: dict[Any, list[Any]] = {}
    key_of: dict[Any, Any] = {}
    for alias in aliases:
        members = groups.get(alias.person, [alias.person])
        if alias.user not in members:
            members = members + groups.get(alias.user, [alias.user])
        for member in members:
            groups[member] = members
            key_of[member] = alias.user
    return key_of
