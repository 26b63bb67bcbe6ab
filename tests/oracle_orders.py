"""The contract's orders, read aloud: each counted once, and the visitors to whom two calls together give a name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from oracle_customers import Customers
from oracle_words import (
    GIVEN_BACK,
    Answer,
    EventKey,
    OrderAnswer,
    Person,
    is_silent,
    is_track,
    key_of,
    person_of,
    place_of,
    properties_of,
)

from collector.event import DAY_MS, MINUTE_MS, Event, Trust

TOLD_BEFORE_MS = 5 * MINUTE_MS
TOLD_AFTER_MS = DAY_MS
ORDER_CALLS = ("Order Completed", "Order Updated", "Order Shipped", "Order Delivered", *GIVEN_BACK)
CHECKOUT_CALLS = ("Checkout Started", "Checkout Step Viewed", "Checkout Step Completed", "Payment Info Entered")


def order_of(e: Event) -> tuple[str, str] | None:
    """(site, order_id) of a call that names an order."""
    # reading: a page or a step of the checkout may name it too, as the thank-you page of story 15 does.
    if is_track(e, *ORDER_CALLS, *CHECKOUT_CALLS) or e.type in ("page", "screen"):
        order_id = properties_of(e).get("order_id")
        if order_id:
            return (e.site, str(order_id))
    return None


def calls_by_order(log: Sequence[Event]) -> dict[tuple[str, str], list[Event]]:
    """All calls that name an order, for each that has at least one of its own."""
    found: dict[tuple[str, str], list[Event]] = {}
    for e in log:
        order = order_of(e)
        if order:
            found.setdefault(order, []).append(e)
    return {order: calls for order, calls in found.items() if of_its_own(calls)}


def of_its_own(calls: Sequence[Event]) -> list[Event]:
    return [e for e in calls if is_track(e, *ORDER_CALLS)]


def told_together(log: Sequence[Event]) -> dict[EventKey, Person]:
    """The visitors' calls of which the back end's call about the same order says who it was."""
    told = {}
    for calls in calls_by_order(log).values():
        # reading: refunds and cancellations claim nothing here either; nor does what staff sent.
        claiming = [e for e in calls if not is_silent(e)]
        placed = order_time(calls)
        near = [
            e
            for e in claiming
            if e.visitor
            and e.trust is not Trust.CLAIMED
            and placed - TOLD_BEFORE_MS <= e.time <= placed + TOLD_AFTER_MS
        ]
        person = best_named([e for e in of_its_own(claiming) if e.server])
        if not near or not person:
            continue
        thanked = min(near, key=place_of)
        # reading: two calls; where the back end names both visitor and person in one, the other rules judge that.
        if not (thanked.server and thanked in of_its_own(calls) and person_of(thanked)):
            told[key_of(thanked)] = person
    return told


def order_time(calls: Sequence[Event]) -> int:
    """When it was placed."""
    # reading: its earliest Order Completed, the back end's before the browser's; without any its earliest call, so too.
    own = of_its_own(calls)
    return min((not e.server, e.time) for e in [e for e in own if e.name == "Order Completed"] or own)[1]


def rank(e: Event) -> tuple[Any, ...]:
    """Greater outranks: the secret key's, then greatest updated_at, time, messageId."""
    # reading: without updated_at, a call is as new as its time.
    updated = properties_of(e).get("updated_at")
    instant = round(datetime.fromisoformat(updated).timestamp() * 1000) if updated else e.time
    return (e.server, instant, e.time, e.id)


def best_named(calls: Sequence[Event]) -> Person | None:
    """The user id, else the e-mail address, that the best-trusted calls which name anyone name."""
    # reading: a refund and a cancellation claim nothing, so they do not say whose the order is either.
    naming = [e for e in calls if person_of(e) and e.trust is not Trust.CLAIMED and e.name not in GIVEN_BACK]
    best = [e for e in naming if e.trust is max(n.trust for n in naming)]
    with_user = [e for e in best if e.user]
    chosen = max(with_user or best, key=rank, default=None)
    return person_of(chosen) if chosen else None


def orders(
    log: Sequence[Event], who: Customers, owner: dict[EventKey, Person | None], suppressed: set[EventKey]
) -> dict[tuple[str, str], OrderAnswer]:
    return {order: fold(of_its_own(calls), who, owner, suppressed) for order, calls in calls_by_order(log).items()}


def fold(
    calls: Sequence[Event], who: Customers, owner: dict[EventKey, Person | None], suppressed: set[EventKey]
) -> OrderAnswer:
    ranked = sorted(calls, key=rank, reverse=True)
    confirmed = any(e.server for e in calls)
    # reading: what happened to a confirmed order is for the back end to say; an amount may be the browser's alone.
    trusted = [e for e in ranked if e.server == confirmed]
    totals = [properties_of(e).get("total") for e in ranked if e.name in ("Order Completed", "Order Updated")]
    total = next((Decimal(total) for total in totals if total is not None), None)
    status = status_of(trusted)
    refunds = refunds_of(trusted)
    refunded = sum((amount for amount in refunds.values() if amount is not None), Decimal(0))
    # reading: a refund that gives no amount gives all back, as a cancellation does.
    if status == "cancelled" or None in refunds.values():
        refunded = total or Decimal(0)
    if refunds:
        status = "refunded" if total is None or refunded >= total else "partially_refunded"
    return OrderAnswer(order_owner(calls, who, owner, suppressed), status, total, refunded, confirmed)


def status_of(trusted: Sequence[Event]) -> str:
    # reading: what was said last; that an order was completed does not undo what was said before.
    said = []
    for e in trusted:
        word = properties_of(e).get("status") if e.name == "Order Updated" else e.name.removeprefix("Order ").lower()
        if word and word != "refunded":
            said.append((e.name != "Order Completed", rank(e), word))
    return max(said)[2] if said else "open"


def refunds_of(trusted: Sequence[Event]) -> dict[str, Decimal | None]:
    """Each refund_id once, by its best call."""
    # reading: a refund that has no refund_id is one of its own.
    amounts: dict[str, Decimal | None] = {}
    for e in trusted:
        if e.name == "Order Refunded":
            refund_id = properties_of(e).get("refund_id") or e.id
            amount = properties_of(e).get("total")
            amounts.setdefault(str(refund_id), None if amount is None else Decimal(amount))
    return amounts


def order_owner(
    calls: Sequence[Event], who: Customers, owner: dict[EventKey, Person | None], suppressed: set[EventKey]
) -> Person | None:
    person = best_named(calls)
    # reading: the order's anchor is the earliest of its claiming calls with a visitor, the back end's before others.
    anchor = min(
        (e for e in calls if e.visitor and not is_silent(e)), key=lambda e: (not e.server, place_of(e)), default=None
    )
    named_by_server = any(e.server and e.name not in GIVEN_BACK and person_of(e) for e in calls)
    if anchor and person and person[0] == "email" and not named_by_server and key_of(anchor) in suppressed:
        return owner[key_of(anchor)]
    if person:
        return who.key(person)
    return owner[key_of(anchor)] if anchor else None


def give_orders_their_calls(log: Sequence[Event], result: Answer) -> None:
    """What the back end says of an order, naming nobody, is told of the order's customer."""
    # reading: the text gives such a call to nobody; a support desk expects the parcel's news on the customer's page.
    for e in log:
        order = order_of(e)
        if e.server and e.visitor is None and not person_of(e) and order in result.orders:
            result.owner[key_of(e)] = result.orders[order].customer
