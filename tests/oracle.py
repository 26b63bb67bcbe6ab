"""The contract's sections on visits, orders and identity, read aloud one event at a time: slow, plain, and on its own.

A log of events and what staff said enter; for each event whose it is and its visit, the customers and the orders leave.
It shares nothing with the code that it judges but the vocabulary. `# reading:` marks where the text leaves a choice.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from collector.event import VISIT_GAP_MS, Event, Trust

Person = tuple[str, str, str]  # (user or email, space, value)
Place = tuple[int, str, bool, str]  # (time, messageId, whether server, site): the order in which all is walked
EventKey = tuple[str, bool, str]  # (site, whether server, messageId)

MINUTE = 60_000
TOLD_BEFORE_MS = 5 * MINUTE
TOLD_AFTER_MS = 24 * 60 * MINUTE
SHARED_ABOVE = 5
ORDER_CALLS = ("Completed", "Updated", "Refunded", "Cancelled", "Shipped", "Delivered")


@dataclass(frozen=True)
class Unlink:
    """Staff said at `time`: this visitor is not the customer who then had the ids `persons`."""

    visitor: str
    time: int
    persons: frozenset[Person]


@dataclass(frozen=True)
class Undo:
    """Staff said at `time`: `person` is not the same as any of `others`."""

    person: Person
    time: int
    others: frozenset[Person]


@dataclass(frozen=True)
class Fence:
    """An erasure left this."""

    visitor: str
    time: int


@dataclass(frozen=True)
class Claim:
    """A call's word on its visitor. `person` is None for a log-out."""

    place: Place
    person: Person | None
    strength: Trust
    explicit: bool  # identify and Signed In: what joins again after staff said no
    bare_order: bool  # an order that gives only an e-mail address


@dataclass(frozen=True)
class OrderAnswer:
    customer: Person | None
    status: str
    total: Decimal | None
    refunded: Decimal | None
    confirmed: bool


@dataclass
class Answer:
    """`customers` maps each customer's key to all its ids."""

    owner: dict[EventKey, Person | None] = field(default_factory=dict)
    visit: dict[EventKey, EventKey | None] = field(default_factory=dict)
    customers: dict[Person, frozenset[Person]] = field(default_factory=dict)
    orders: dict[tuple[str, str], OrderAnswer] = field(default_factory=dict)


def answer(
    events: Iterable[Event], unlinks: Sequence[Unlink] = (), undos: Sequence[Undo] = (), fences: Sequence[Fence] = ()
) -> Answer:
    """What the contract says of this log."""
    # reading: ids are unique per (site, kind of key), so after (time, messageId, server last) only the site can differ.
    log = sorted(events, key=place_of)
    result = Answer()
    who = Customers(log, undos)
    told = told_together(log)
    suppressed: set[EventKey] = set()
    for visitor in {e.visitor for e in log if e.visitor is not None}:
        story = Story(visitor, log, who, told, unlinks, fences)
        result.owner.update(story.owner)
        result.visit.update(story.visit)
        suppressed |= story.suppressed
    for e in log:
        if e.visitor is None:
            named = person_of(e) if e.trust is not Trust.CLAIMED else None
            result.owner[key_of(e)] = who.key(named) if named else None
            result.visit[key_of(e)] = None
    result.orders = orders(log, who, result.owner, suppressed)
    result.customers = who.all(known(log, result))
    return result


def place_of(e: Event) -> Place:
    return (e.time, e.id, e.server, e.site)


def key_of(e: Event) -> EventKey:
    return (e.site, e.server, e.id)


def properties_of(e: Event) -> dict[str, Any]:
    return json.loads(e.properties, parse_float=Decimal) if e.properties else {}


def is_track(e: Event, *names: str) -> bool:
    return e.type == "track" and e.name in names


def user_of(e: Event) -> Person | None:
    return ("user", e.space, e.user) if e.user else None


def email_of(e: Event) -> Person | None:
    return ("email", "", e.email) if e.email else None


def person_of(e: Event) -> Person | None:
    return user_of(e) or email_of(e)


def is_silent(e: Event) -> bool:
    """Calls that claim nothing and neither start nor extend a visit."""
    # reading: `Email …` is every track name that begins so.
    return e.staff or is_track(e, "Order Refunded", "Order Cancelled") or (e.type == "track" and e.name[:6] == "Email ")


# Customers --------------------------------------------------------------------------------------------------------


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


def is_explicit(e: Event) -> bool:
    return e.type == "identify" or is_track(e, "Signed In")


def joins_again(strength: Trust, explicit: bool) -> bool:
    # reading: this holds for every claim after what staff said, also when one has already joined again.
    return explicit or strength >= Trust.SIGNED


# Orders that two calls tell together ------------------------------------------------------------------------------


def order_of(e: Event) -> tuple[str, str] | None:
    """(site, order_id) of a call about an order."""
    if e.type == "track" and e.name in {f"Order {word}" for word in ORDER_CALLS}:
        order_id = properties_of(e).get("order_id")
        if order_id:
            return (e.site, str(order_id))
    return None


def calls_by_order(log: Sequence[Event]) -> dict[tuple[str, str], list[Event]]:
    found: dict[tuple[str, str], list[Event]] = {}
    for e in log:
        order = order_of(e)
        if order:
            found.setdefault(order, []).append(e)
    return found


def told_together(log: Sequence[Event]) -> dict[EventKey, Person]:
    """The visitors' calls of which the back end's call about the same order says who it was."""
    told = {}
    for calls in calls_by_order(log).values():
        # reading: refunds and cancellations claim nothing here either; nor does what staff sent.
        claiming = [e for e in calls if not is_silent(e)]
        placed = order_time(claiming)
        near = [e for e in claiming if e.visitor and placed - TOLD_BEFORE_MS <= e.time <= placed + TOLD_AFTER_MS]
        if not near:
            continue
        thanked = min(near, key=place_of)
        # reading: two calls; one that names both visitor and person is judged by the other rules alone.
        others = [e for e in claiming if e is not thanked and e.server]
        person = best_named(others)
        if person:
            told[key_of(thanked)] = person
    return told


def order_time(calls: Sequence[Event]) -> int:
    """When it was placed."""
    # reading: the earliest Order Completed of the best trust, else the earliest call of the best trust.
    completed = [e for e in calls if e.name == "Order Completed"] or list(calls)
    return min((not e.server, e.time) for e in completed)[1] if completed else 0


def rank(e: Event) -> tuple[Any, ...]:
    """Greater outranks: the secret key's, then greatest updated_at, time, messageId."""
    updated = properties_of(e).get("updated_at") or ""
    return (e.server, updated, e.time, e.id)


def best_named(calls: Sequence[Event]) -> Person | None:
    """The user id, else the e-mail address, that the best-trusted calls which name anyone name."""
    naming = [e for e in calls if person_of(e) and e.trust is not Trust.CLAIMED]
    best = [e for e in naming if e.trust is max(n.trust for n in naming)]
    with_user = [e for e in best if e.user]
    chosen = max(with_user or best, key=rank, default=None)
    return person_of(chosen) if chosen else None


# One visitor ------------------------------------------------------------------------------------------------------


class Story:
    """The walk over one visitor's events and claims."""

    def __init__(
        self,
        visitor: str,
        log: Sequence[Event],
        who: Customers,
        told: dict[EventKey, Person],
        unlinks: Sequence[Unlink],
        fences: Sequence[Fence],
    ) -> None:
        self.who = who
        self.told = told
        self.events = [e for e in log if e.visitor == visitor]
        self.unlinks = [unlink for unlink in unlinks if unlink.visitor == visitor]
        self.fences = [u.time for u in self.unlinks] + [f.time for f in fences if f.visitor == visitor]
        self.visits = visits(self.events)
        self.suppressed: set[EventKey] = set()
        aliases = [e for e in log if e.type == "alias" and e.previous == visitor and pairs_alias(e)]
        self.claims = self.live([c for e in self.events for c in self.said(e)] + [alias_claim(e) for e in aliases])
        logins = {who.key(c.person) for c in self.claims if c.person}
        self.shared = len(logins) > SHARED_ABOVE
        self.owner: dict[EventKey, Person | None] = {}
        self.visit: dict[EventKey, EventKey | None] = {}
        # reading: a call that neither starts nor extends a visit is in none, also when it falls within one.
        for e in self.events:
            inside = [run for run in self.visits if e in run]
            self.visit[key_of(e)] = key_of(inside[0][0]) if inside else None
        self.walk()

    # Claims

    def said(self, e: Event) -> list[Claim]:
        """The claims that an event of this visitor makes: its own first, then what another call tells of it."""
        own = self.own_claim(e)
        claims = [own] if own else []
        person = self.told.get(key_of(e))
        if person:
            claims.append(Claim(place_of(e), person, Trust.SERVER, False, person[0] == "email"))
        return claims

    def own_claim(self, e: Event) -> Claim | None:
        if is_silent(e):
            return None
        if is_track(e, "Signed Out"):
            return Claim(place_of(e), None, e.trust, False, False)
        if e.trust is Trust.CLAIMED:
            return None
        if e.user:
            return Claim(place_of(e), user_of(e), e.trust, is_explicit(e), False)
        if e.email and (e.type == "identify" or is_track(e, "Signed In", "Signed Up", "Order Completed")):
            return Claim(place_of(e), email_of(e), e.trust, is_explicit(e), is_track(e, "Order Completed"))
        return None

    def is_void(self, claim: Claim) -> bool:
        # reading: a log-out is nobody's claim in particular, so no unlink voids it.
        return any(
            claim.person in unlink.persons
            and (claim.place[0] <= unlink.time or not joins_again(claim.strength, claim.explicit))
            for unlink in self.unlinks
        )

    def live(self, claims: list[Claim]) -> list[Claim]:
        """Without those that staff voided, and without orders' addresses where a user id claimed in this visit holds."""
        kept: list[Claim] = []
        visit: list[Event] | None = None
        holder: Person | None = None
        by_user = False
        for claim in sorted(claims, key=lambda c: c.place):
            if self.is_void(claim):
                continue
            if self.visit_at(claim.place) is not visit:
                visit, holder, by_user = self.visit_at(claim.place), None, False
            if claim.person is None:
                holder, by_user = None, False
            elif claim.bare_order and by_user:
                self.suppressed.add((claim.place[3], claim.place[2], claim.place[1]))
                continue
            else:
                # reading: a user id was claimed if any log-in of this holder in this visit, unbroken, gave one.
                customer = self.who.key(claim.person)
                by_user = claim.person[0] == "user" or (by_user and customer == holder)
                holder = customer
            kept.append(claim)
        return kept

    def visit_at(self, place: Place) -> list[Event] | None:
        """The visit that runs at this place."""
        # reading: a claim that is no event of the visitor (alias) is in the visit that it would have continued.
        before = [(e, run) for run in self.visits for e in run if place_of(e) <= place]
        if not before:
            return None
        last, run = max(before, key=lambda pair: place_of(pair[0]))
        return run if place[0] - last.time < VISIT_GAP_MS else None

    # The walk

    def walk(self) -> None:
        places = sorted({place_of(e) for e in self.events} | {c.place for c in self.claims})
        owner: dict[Place, Person | None] = {}
        ended: dict[Place, Person | None] = {}  # of each holderless place: whose log-out came before it, if that was last
        logins: list[tuple[Claim, Person, bool]] = []  # with whether there was no holder
        logouts: list[Place] = []  # those that ended a holder
        holder: Person | None = None
        holder_visit: list[Event] | None = None
        left: Person | None = None
        for place in places:
            if holder and self.ends_before(place, holder, holder_visit):
                holder, left = None, None
            owner[place] = holder
            ended[place] = left
            for claim in [c for c in self.claims if c.place == place]:
                if claim.person:
                    customer = self.who.key(claim.person)
                    logins.append((claim, customer, holder is None))
                    holder, holder_visit, left = customer, self.visit_at(place), None
                    owner[place] = customer
                elif holder:
                    owner[place] = holder
                    logouts.append(place)
                    holder, left = None, holder
        self.take_back(owner, ended, logins, logouts)
        for e in self.events:
            self.owner[key_of(e)] = owner[place_of(e)]

    def ends_before(self, place: Place, holder: Person, holder_visit: list[Event] | None) -> bool:
        """(a): whether the hold ends with the start of the visit that starts here, or, on a shared device, with its own."""
        if self.shared:
            # reading: a visit is over after its last event.
            return holder_visit is None or place > place_of(holder_visit[-1])
        starting = [run for run in self.visits if place_of(run[0]) == place]
        if not starting:
            return False
        inside = [c for c in self.claims if self.visit_at(c.place) is starting[0]]
        return bool(inside) and inside[0].person is not None and self.who.key(inside[0].person) != holder

    def take_back(
        self,
        owner: dict[Place, Person | None],
        ended: dict[Place, Person | None],
        logins: list[tuple[Claim, Person, bool]],
        logouts: list[Place],
    ) -> None:
        """(b) to (d), each holderless place by itself."""
        for place in [p for p in owner if owner[p] is None]:
            later = [login for login in logins if login[0].place > place]
            if not later:
                continue
            claim, customer, without_holder = later[0]
            # reading: (b) to (d) reach from a log-in back to an event; what must not lie between these two is u.
            if any(place[0] <= u < claim.place[0] for u in self.fences):
                continue
            visit = self.visit_at(claim.place)
            since = [out for out in logouts if out < claim.place]
            b = without_holder and visit is not None and place_of(visit[0]) <= place and (not since or max(since) < place)
            c = not self.shared and claim is logins[0][0]
            d = not self.shared and ended[place] == customer
            if b or c or d:
                owner[place] = customer


def pairs_alias(e: Event) -> bool:
    return e.server and not e.staff and bool(e.user)


def alias_claim(e: Event) -> Claim:
    return Claim(place_of(e), user_of(e), Trust.SERVER, False, False)


def visits(events: Sequence[Event]) -> list[list[Event]]:
    """The runs of one visitor's events, given in order."""
    runs: list[list[Event]] = []
    for e in events:
        if is_silent(e):
            continue
        if not runs or e.time - runs[-1][-1].time >= VISIT_GAP_MS or is_new_campaign(e, runs[-1]):
            runs.append([])
        runs[-1].append(e)
    return runs


def is_new_campaign(e: Event, run: Sequence[Event]) -> bool:
    for part in ("source", "medium", "name", "click_id"):
        said = getattr(e.campaign, part)
        # reading: the visit's last is the last non-empty one of that part; a visit without any has ''.
        before = [getattr(earlier.campaign, part) for earlier in run if getattr(earlier.campaign, part)]
        if said and said != (before[-1] if before else ""):
            return True
    return False


# Orders -----------------------------------------------------------------------------------------------------------


def orders(
    log: Sequence[Event], who: Customers, owner: dict[EventKey, Person | None], suppressed: set[EventKey]
) -> dict[tuple[str, str], OrderAnswer]:
    return {order: fold(calls, who, owner, suppressed) for order, calls in calls_by_order(log).items()}


def fold(
    calls: Sequence[Event], who: Customers, owner: dict[EventKey, Person | None], suppressed: set[EventKey]
) -> OrderAnswer:
    ranked = sorted(calls, key=rank, reverse=True)
    telling = [e for e in ranked if e.name not in ("Order Refunded", "Order Cancelled")]
    totals = [properties_of(e)["total"] for e in telling if "total" in properties_of(e)]
    total = Decimal(totals[0]) if totals else None
    refunded = refunds(ranked)
    status = ranked[0].name.removeprefix("Order ").lower()
    if any(e.name == "Order Cancelled" for e in calls):
        status, refunded = "cancelled", total
    return OrderAnswer(
        customer=order_owner(calls, who, owner, suppressed),
        status=status,
        total=total,
        refunded=refunded,
        confirmed=any(e.server for e in calls),
    )


def refunds(ranked: Sequence[Event]) -> Decimal | None:
    """Each refund_id once, by its best call."""
    # reading: a refund that has no refund_id is one of its own.
    amounts: dict[str, Decimal] = {}
    for e in ranked:
        if e.name == "Order Refunded" and "total" in properties_of(e):
            refund_id = properties_of(e).get("refund_id") or f"message {e.id}"
            amounts.setdefault(str(refund_id), Decimal(properties_of(e)["total"]))
    return sum(amounts.values(), Decimal(0)) if amounts else None


def order_owner(
    calls: Sequence[Event], who: Customers, owner: dict[EventKey, Person | None], suppressed: set[EventKey]
) -> Person | None:
    person = best_named(calls)
    naming = [e for e in calls if person and person in (user_of(e), email_of(e)) and e.trust is not Trust.CLAIMED]
    strongest = max((e.trust for e in naming), default=Trust.CLAIMED)
    if person and person[0] == "email" and strongest is Trust.BROWSER:
        overruled = [e for e in naming if key_of(e) in suppressed]
        if overruled:
            return owner[key_of(max(overruled, key=rank))]
    if person:
        return who.key(person)
    # reading: the order's anchor is the earliest of its calls that names a visitor.
    anchors = [e for e in calls if e.visitor]
    return owner[key_of(min(anchors, key=place_of))] if anchors else None


def known(log: Sequence[Event], result: Answer) -> set[Person]:
    """All who are customers: someone to whom something belongs, or whom a claim, a link or an alias names."""
    persons = {person for person in result.owner.values() if person}
    persons |= {order.customer for order in result.orders.values() if order.customer}
    for e in log:
        persons |= {person for pair in pairs(e) for person in pair}
    return persons
