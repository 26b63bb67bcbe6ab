"""The contract's sections on visits, orders and identity, read aloud one event at a time: slow, plain, and on its own.

A log of events and what staff said enter; for each event whose it is and its visit, the customers and the orders leave.
It shares nothing with the code that it judges but the vocabulary. `# reading:` marks where the text leaves a choice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from oracle_customers import Customers, mentioned, pairs
from oracle_orders import give_orders_their_calls, orders, told_together
from oracle_words import (
    Answer,
    Claim,
    EventKey,
    Fence,
    Person,
    Place,
    Undo,
    Unlink,
    email_of,
    is_explicit,
    is_silent,
    is_track,
    joins_again,
    key_of,
    person_of,
    place_of,
    user_of,
)

from collector.event import VISIT_GAP_MS, Event, Trust

SHARED_ABOVE = 5


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
    give_orders_their_calls(log, result)
    having = {person for person in result.owner.values() if person}
    having |= {order.customer for order in result.orders.values() if order.customer}
    linked = {person for e in log for pair in pairs(e) for person in pair if len(who.set_of(person)) > 1}
    result.customers = who.all(having | linked)
    result.mentioned = mentioned(log, who)
    return result


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
            # reading: whoever names the visitor may have guessed the order's number; it is believed so far.
            claims.append(Claim(place_of(e), person, e.trust, False, person[0] == "email", told=True))
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
        """Without those that staff voided, and orders' addresses where a user id claimed in this visit holds."""
        kept: list[Claim] = []
        visit: list[Event] | None = None
        holder: Person | None = None
        by_user = False
        # reading: what the back end tells of an event counts instead of the event's own word, an address only instead
        # of an address.
        standing = [c for c in claims if not self.is_void(c)]
        told = {c.place: c for c in standing if c.told}
        for claim in sorted(standing, key=lambda c: c.place):
            better = told.get(claim.place)
            if better and claim.person and not claim.told and (not better.bare_order or claim.person[0] == "email"):
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
        ended: dict[
            Place, Person | None
        ] = {}  # of each holderless place: whose log-out came before it, if that was last
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
        """(a): whether the hold ends with the visit that starts here, or, on a shared device, ended with its own."""
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
            b = (
                without_holder
                and visit is not None
                and place_of(visit[0]) <= place
                and (not since or max(since) < place)
            )
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
