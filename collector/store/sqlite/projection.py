"""Projections follow the log: new events -> visits, tenancies, orders, customers, in one transaction a batch.

What enters: the log beyond the last event that was taken in. What leaves: changed rows of what is derived, each with
its revision. Every step makes anew only what the new events touch; the rules are in the pure modules.
"""

from __future__ import annotations

import logging
import sqlite3
from collections import defaultdict
from collections.abc import Iterable

from collector.event import Trust
from collector.identity import Act, Why, read_claim
from collector.store.sqlite.batch import Batch
from collector.store.sqlite.care import Care, Harmed
from collector.store.sqlite.dictionary import Dictionaries
from collector.store.sqlite.facts import Fact, Facts
from collector.store.sqlite.feed import Revisions
from collector.store.sqlite.ordering import Folded, Ordering, Reference
from collector.store.sqlite.overview_counting import Counting
from collector.store.sqlite.people import People
from collector.store.sqlite.portraits import Portraits
from collector.store.sqlite.rows import Insert
from collector.store.sqlite.sightings import Sightings
from collector.store.sqlite.subscribing import Subscribing
from collector.store.sqlite.tenure import Tenure
from collector.store.sqlite.visiting import Visiting
from collector.visits import Key, Visit

log = logging.getLogger(__name__)
KNOWN_VISITORS_MAX = 10_000
COUNTED_LATE_MAX = 5_000
EVENTS_A_PACKED_LIST = 200  # so that a step is short where few events are asked for
FEEDS = ("visits", "tenancies", "orders", "order_lines", "customers")

_NEWEST = "SELECT coalesce(max(seq), 0) FROM events"
_ADD_CLAIMS = Insert("INSERT OR IGNORE INTO claims (visitor, seq, act, why, user, email, strength)", columns=7)
_SET_ASIDE = """
INSERT INTO meta (key, value) VALUES ('set_aside', 1) ON CONFLICT (key) DO UPDATE SET value = value + 1
"""
# Indexes claims_user and claims_email.
_CLAIMANTS = "SELECT visitor FROM claims WHERE user = ?1 UNION SELECT visitor FROM claims WHERE email = ?1"
_RESTATE_SWEPT = """
UPDATE tenancy_sets SET rev = ? WHERE visitor IN (SELECT visitor FROM tenancies WHERE deleted = 2)
"""
_ORDERS_OF_CUSTOMER = "SELECT site, order_id FROM orders WHERE customer = ?"
_ORDERS_OF_VISITOR = "SELECT site, order_id FROM orders WHERE visitor = ? AND deleted = 0"


class State:
    """What must be known of a visitor to take in its next event at the cost of one step."""

    __slots__ = ("holder", "last", "quiet", "tail")

    def __init__(self, last: Key | None, tail: Visit | None, quiet: bool) -> None:
        self.last, self.tail, self.quiet = last, tail, quiet
        self.holder: int | None = None


class Projection:
    """Everything derived, for one writing connection; the caller holds the transaction."""

    def __init__(self, conn: sqlite3.Connection, words: Dictionaries, care: Care) -> None:
        self._conn, self._words, self._care = conn, words, care
        self._facts = Facts(conn)
        self._people = People(conn, self._facts, words)
        self._subscribing = Subscribing(conn, self._facts)
        self._visiting = Visiting(conn, self._facts, words)
        self._tenure = Tenure(conn, self._facts, self._visiting)
        self._counting = Counting(conn, self._facts)
        self._ordering = Ordering(conn, self._facts, self._counting)
        self._portraits = Portraits(conn, self._facts, self._people)
        self._sightings = Sightings(conn, self._facts)
        self._states: dict[int, State] = {}
        # The log's newest event when customers were last drawn: they tell of what was there, taken in or not.
        self._told_upto: int | None = None
        self._counted_late = 0

    def forget(self) -> None:
        """Drop what is known of the file: another process has written, or rows were taken out."""
        self._states.clear()
        self._told_upto = None
        self._people.forget()
        self._facts.forget()
        self._visiting.forget()
        self._tenure.forget()
        self._sightings.forget()
        self._counting.forget()

    def roll_back(self) -> None:
        """The transaction was rolled back: drop also what was to be written."""
        self.forget()
        self._counting.roll_back()

    def projected(self) -> int:
        """The last event that was taken in."""
        row = self._conn.execute("SELECT value FROM meta WHERE key = 'projected'").fetchone()
        return int(row[0]) if row else 0

    @property
    def is_up_to_the_log(self) -> bool:
        return self.projected() >= self._newest()

    def _newest(self) -> int:
        newest: int = self._conn.execute(_NEWEST).fetchone()[0]
        return newest

    def follow(self, events_max: int) -> int:
        """Take in the next events; returns how many."""
        projected = self.projected()
        facts = self._facts.since(projected, events_max)
        if facts:
            self._take_in_or_set_aside(facts, projected)
            self._conn.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('projected', ?)", (facts[-1].seq,))
            self._counted_late += len(facts)
        if len(facts) < events_max:
            self._counting.go_on_recounting(self.projected())
        if len(facts) < events_max or self._counted_late >= COUNTED_LATE_MAX:
            self._counting.catch_up(max(1, events_max // EVENTS_A_PACKED_LIST))
            self._counted_late = 0
        return len(facts)

    @property
    def has_days_to_pack(self) -> bool:
        """Whether a further step has something to do though no event is left."""
        return self._counting.has_days_to_pack

    def leave(self, seqs: list[int]) -> None:
        """These events are about to be taken out of the log; then comes `resettle` for what they touch."""
        self._counting.leave(seqs)

    def resettle(
        self, visitors: Iterable[int] = (), persons: Iterable[int] = (), orders: Iterable[Reference] = ()
    ) -> None:
        """Derive these anew: staff said something of them, or events were taken out."""
        revisions = Revisions(self._conn)
        batch = Batch(loses=True)
        batch.visitors.update(visitors)
        batch.persons.update(persons)
        batch.orders.update(orders)
        for visitor in batch.visitors:
            self._states.pop(visitor, None)
            self._tenure.forget(visitor)
            tail = self._visiting.refold(visitor, self.projected(), revisions)
            self._sightings.recount(visitor, self.projected(), tail)
        self._settle(batch, revisions)
        self._counting.write()
        revisions.save()

    def put_off_counts(self) -> None:
        """A site's days are others now: what Home shows is counted anew by the next steps."""
        self._counting.put_off()

    def sweep_words(self) -> None:
        """After an erasure: words of Home that nothing is counted for leave."""
        self._counting.sweep(self.projected())

    def is_shared(self, visitor: int) -> bool:
        """Whether a device is more than five customers'."""
        return self._tenure.walk(visitor, self._visiting.visits(visitor), self._people.customer_of).shared

    def retell_traits(self, persons: Iterable[int]) -> None:
        """Some of what these persons' traits came from was taken out: what is left says what they are now."""
        self._people.retell_traits(persons)

    def reset(self) -> None:
        """Forget all that is derived. Rows of the feeds are marked 2 until they are derived again or swept."""
        self.roll_back()
        self._counting.reset()
        for table in (
            "claims",
            "links",
            "traits",
            "order_calls",
            "order_told",
            "subscriptions",
            "sightings",
            "customer_words",
            "customer_spend",
        ):
            self._conn.execute(f"DELETE FROM {table}")
        for table in FEEDS:
            self._conn.execute(f"UPDATE {table} SET deleted = 2 WHERE deleted = 0")
        self._conn.execute("UPDATE persons SET customer = NULL")
        self._conn.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('projected', 0), ('set_aside', 0)")

    def sweep(self) -> None:
        """What was not derived again is gone: readers of the feeds are told."""
        revisions = Revisions(self._conn)
        self._conn.execute(_RESTATE_SWEPT, (revisions.next(),))
        for table in FEEDS:
            while self._conn.execute(
                f"UPDATE {table} SET deleted = 1, rev = ? WHERE deleted = 2", (revisions.next(),)
            ).rowcount:
                pass
        revisions.save()

    def _take_in_or_set_aside(self, facts: list[Fact], projected: int) -> None:
        """An event that cannot be derived, by a bug of ours, must not hold up all others: it is counted and left."""
        try:
            with self._care.part():
                self._take_in(facts, projected)
        except Harmed:
            self.roll_back()
            self._words.forget()
            if len(facts) == 1:
                log.exception("event %d cannot be derived and is set aside", facts[0].seq)
                self._conn.execute(_SET_ASIDE)
                return
            middle = len(facts) // 2
            self._take_in_or_set_aside(facts[:middle], projected)
            self._take_in_or_set_aside(facts[middle:], facts[middle - 1].seq)

    def _take_in(self, facts: list[Fact], projected: int) -> None:
        revisions = Revisions(self._conn)
        batch = Batch()
        by_visitor: dict[int, list[Fact]] = defaultdict(list)
        for fact in facts:
            self._note(fact, batch)
            if fact.subject > 0:
                by_visitor[fact.subject].append(fact)
        for visitor, its_facts in by_visitor.items():
            self._advance(visitor, its_facts, (projected, facts[-1].seq), batch, revisions)
        self._settle(batch, revisions)
        self._counting.count(facts)
        self._counting.write()
        revisions.save()

    def _note(self, fact: Fact, batch: Batch) -> None:
        """Take in what one call says, whoever's it is. Most say nothing of persons and orders."""
        if fact.user is None and fact.email is None and fact.properties is None:
            return
        batch.persons |= self._people.note(fact)
        subscriber = self._subscribing.note(fact)
        if subscriber is not None:
            batch.named.add(subscriber)
        order = self._ordering.note(fact)
        if order is not None:
            batch.orders.add(order)
        if fact.trust == Trust.CLAIMED:
            return
        person = fact.user if fact.user is not None else fact.email
        if person is not None and (fact.subject <= 0 or self._facts.name(fact.name_id)[0] == "identify"):
            batch.named.add(person)
        if fact.previous and fact.user is not None and fact.trust == Trust.SERVER and not fact.staff:
            visitor = self._words.visitor(fact.previous)
            batch.claim(visitor, fact.seq, (int(Act.LOG_IN), int(Why.ALIAS), fact.user, None, int(fact.trust)))
            batch.visitors.add(visitor)

    def _advance(
        self, visitor: int, facts: list[Fact], span: tuple[int, int], batch: Batch, revisions: Revisions
    ) -> None:
        """Take a visitor's new events of (projected, upto] into its visits; note whether they say whose they are."""
        projected, upto = span
        state = self._state(visitor, projected)
        facts.sort(key=lambda fact: fact.key)
        late = [] if state.last is None else [fact for fact in facts if fact.key < state.last]
        fresh = facts[len(late) :]
        if late and not self._widen(visitor, late, state, batch, revisions):
            self._counting.touch_visitor(visitor)
            state.tail = self._visiting.mend(visitor, self._facts.steps(facts), upto, revisions)
            self._tenure.forget(visitor)
            batch.visitors.add(visitor)
        elif fresh:
            visits = self._visiting.extend(visitor, state.tail, self._facts.steps(fresh), revisions)
            begun = visits[1:] if state.tail else visits
            if begun:
                self._counting.began(visitor, state.tail, begun, fresh)
            state.tail = visits[-1] if visits else state.tail
            if not state.quiet:
                batch.visitors.add(visitor)
        state.last = fresh[-1].key if fresh else state.last
        self._sightings.note(visitor, facts, state.tail, held=state.holder is not None)
        for at, fact in enumerate(facts):
            if self._claim(fact, state, batch) and at < len(late):
                batch.visitors.add(visitor)
        if state.holder is not None:
            # Those that are late lie amid others, or are settled; and they may have been somebody else's.
            times = [fact.key[0] for fact in fresh if self._facts.forms_visit(fact)]
            batch.seen[visitor] = state.holder, times

    def _widen(self, visitor: int, late: list[Fact], state: State, batch: Batch, revisions: Revisions) -> bool:
        """Take in late events that change no visit but its number of events; False, and nothing is done, where some do.

        Most are late by a moment: they were sent together and took different ways.
        """
        steps = self._facts.steps(late)
        if len(steps) < len(late) or not self._visiting.widen(visitor, steps, revisions):
            return False
        state.tail = self._visiting.last(visitor)
        for fact in late:
            behind = self._facts.behind_and_amid(visitor, fact.key)
            if behind is None or self._tenure.is_bound(visitor, *behind):
                self._tenure.forget(visitor)
                batch.visitors.add(visitor)
                break
        return True

    def _claim(self, fact: Fact, state: State, batch: Batch) -> bool:
        """Note what a call says of its visitor; whether it says anything."""
        call_type, name = self._facts.name(fact.name_id)
        claim = read_claim(call_type, name, fact.user, fact.email, fact.trust, bool(fact.staff))
        if claim is None:
            return False
        act, why = claim
        batch.claim(fact.subject, fact.seq, (int(act), int(why), fact.user, fact.email, fact.trust))
        person = fact.user if fact.user is not None else fact.email
        again = act is Act.LOG_IN and state.holder is not None and person is not None
        if not again or self._people.customer_of(person or 0) != state.holder or self._tenure.follows(fact.subject):
            batch.visitors.add(fact.subject)
            if act is Act.LOG_IN and person is not None:  # also where another claim on it counts for more
                batch.named.add(person)
        elif fact.trust > Trust.BROWSER:
            batch.named.add(person or 0)
        return True

    def _settle(self, batch: Batch, revisions: Revisions) -> None:
        """People first, then orders' claims, then tenancies, then whose the orders are, then customers."""
        _ADD_CLAIMS.run(self._conn, batch.claims)
        self._visiting.write()
        changed = self._people.settle(batch.persons)
        for person, former in changed.items():
            claimants = [visitor for (visitor,) in self._conn.execute(_CLAIMANTS, (person,))]
            batch.visitors.update(claimants)
            if former is not None:
                for visitor in claimants:
                    self._tenure.forget(visitor)
                batch.customers.add(former)
                batch.curtailed.add(former)
                batch.orders.update(self._conn.execute(_ORDERS_OF_CUSTOMER, (former,)))
        folded: dict[Reference, Folded] = {}
        for order in batch.orders:
            folded[order], matched = self._ordering.refold(order)
            for visitor, seqs in matched.items():
                batch.visitors.add(visitor)
                batch.claimed[visitor] |= seqs
        suppressed = self._settle_tenancies(batch, revisions)
        self._sightings.write()
        for order in batch.orders:
            if order not in folded:
                folded[order], _ = self._ordering.refold(order)
            batch.customers |= self._ordering.write(
                order, folded[order], self._people.customer_of, self._tenure.holder_at, suppressed, revisions
            )
        for person in batch.named | batch.persons:
            customer = self._people.customer_of(person)
            if customer is not None:
                batch.customers.add(customer)
        self._draw(batch, revisions)

    def _draw(self, batch: Batch, revisions: Revisions) -> None:
        newest, seen = self._newest(), batch.seen_beside()
        told_upto = newest if self._told_upto is None else self._told_upto
        for customer in sorted(batch.customers):
            self._portraits.draw(customer, batch.change(customer, seen, told_upto), revisions)
        for customer in sorted(seen.keys() - batch.customers):
            self._portraits.seen(customer, min(seen[customer]), max(seen[customer]), revisions)
        self._told_upto = newest

    def _settle_tenancies(self, batch: Batch, revisions: Revisions) -> set[int]:
        suppressed: set[int] = set()
        for visitor in sorted(batch.visitors):
            settled = self._tenure.settle(visitor, batch.claimed[visitor], self._people.customer_of, revisions)
            batch.settle(visitor, settled)
            suppressed |= settled.suppressed
            if settled.changed:
                batch.orders.update(self._conn.execute(_ORDERS_OF_VISITOR, (visitor,)))
            last = self._visiting.last(visitor)
            if last is not None:
                held = self._tenure.holder_at(visitor, last.last.key) is not None
                self._sightings.settle(visitor, held)
            state = self._states.get(visitor)
            if state is not None:
                state.holder, state.quiet = settled.holder, settled.quiet
                if settled.holder is not None:
                    batch.customers.add(settled.holder)
        return suppressed

    def _state(self, visitor: int, projected: int) -> State:
        state = self._states.get(visitor)
        if state is None:
            last = self._facts.last_taken_in(visitor, projected)
            tail = None if last is None else self._visiting.last(visitor)
            claimed = self._conn.execute("SELECT 1 FROM claims WHERE visitor = ? LIMIT 1", (visitor,)).fetchone()
            state = State(last, tail, quiet=claimed is None)
            if claimed:
                state.holder = self._tenure.holder(visitor, self._people.customer_of)
                state.quiet = state.holder is not None
            if len(self._states) >= KNOWN_VISITORS_MAX:
                self._states.clear()
            self._states[visitor] = state
        return state
