"""What follows on an order or a newsletter in the demo's past: parcels, refunds, calls to the desk, mails opened.

What enters: chance, the order or issue, and when. What leaves: messages of the back end, each with its time. Those of
the time after `now` are never told.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from collector.demo import back_end
from collector.demo.back_end import Message
from collector.demo.basket import CENT
from collector.demo.people import pick
from collector.demo.records import Sold
from collector.demo.rhythm import Issue, Quarter
from collector.event import MINUTE_MS

Tell = Callable[..., None]
_REASONS = (("sent back", 50), ("arrived damaged", 25), ("wrong colour", 25))
_DESK = ("Odile", "Tomasz", "Ruth")
_CALLS = (
    ("phone", "in", "Asked where the parcel is. It was on its way."),
    ("email", "in", "Wants the invoice with the firm's name on it. Sent."),
    ("phone", "in", "The casserole's lid has a chip. A new one goes out, no need to send the old one back."),
    ("chat", "in", "Could the lamp be dimmed? Told how."),
    ("email", "out", "Wrote that the ochre cushion is back."),
)
_NOTES = (
    "Likes to be called after six.",
    "Buys for a café in the old town: ask about the larger mugs.",
    "Leave parcels with the neighbour at number 12.",
    "Très exigeante, mais toujours aimable.",
)


class Read(Struct, frozen=True):
    """What became of one newsletter. `clicked` is when, or 0; `is_last`: they want no more."""

    messages: list[tuple[int, Message]]
    clicked: int = 0
    is_last: bool = False


def after_order(quarter: Quarter, chance: Random, order: Sold, tell: Tell) -> Sold:
    """The order as it stands at the quarter's end."""
    if chance.random() < 0.14:
        _call_the_desk(quarter, chance, order, tell)
    if chance.random() < 0.04:
        at = order.at + chance.randint(20, 300) * MINUTE_MS
        return _happen(quarter, order, "cancelled", at, tell, back_end.cancelled(order, at, "ordered by mistake"))
    at = quarter.working(chance, order.at, 1, 2)
    order = _happen(quarter, order, "shipped", at, tell, back_end.shipped(order, at))
    at = quarter.working(chance, at, 2, 4)
    order = _happen(quarter, order, "delivered", at, tell, back_end.delivered(order, at))
    if chance.random() < 0.08:
        at = quarter.working(chance, at, 3, 12)
        order = _refund(quarter, chance, order, at, tell)
    return order


def mailing(chance: Random, issue: Issue, email: str) -> Read:
    """A newsletter goes out; some come back, some are opened, few are clicked."""
    at = issue.at + chance.randint(1, 20 * 60) * 1_000
    if chance.random() < 0.01:
        return Read([(at, _mail("Email Bounced", issue, email, at))], is_last=True)
    messages = [(at, _mail("Email Delivered", issue, email, at))]
    if chance.random() > 0.42:
        return Read(messages)
    at += round(chance.expovariate(1 / (300 * MINUTE_MS))) + MINUTE_MS
    messages.append((at, _mail("Email Opened", issue, email, at)))
    if chance.random() < 0.015:
        return Read([*messages, (at + MINUTE_MS, _mail("Unsubscribed", issue, email, at + MINUTE_MS))], is_last=True)
    if chance.random() > 0.28:
        return Read(messages)
    at += chance.randint(10, 90) * 1_000
    return Read([*messages, (at, _mail("Email Link Clicked", issue, email, at))], clicked=at + 2_000)


def _happen(quarter: Quarter, order: Sold, status: str, at: int, tell: Tell, message: Message) -> Sold:
    if at >= quarter.now:
        return order
    tell(at, message)
    return replace(order, status=status)


def _refund(quarter: Quarter, chance: Random, order: Sold, at: int, tell: Tell) -> Sold:
    """All of it, or one of several things."""
    reason, basket = pick(chance, _REASONS), order.basket
    if len(basket.lines) == 1 or chance.random() < 0.4:
        message = back_end.refunded(order, at, basket.total, reason)
        return _happen(quarter, order, "refunded", at, tell, message)
    price = chance.choice(basket.lines).price(basket.currency)
    share = (price * (basket.subtotal - basket.discount) / basket.subtotal).quantize(CENT)
    return _happen(quarter, order, "delivered", at, tell, back_end.refunded(order, at, share, reason))


def _call_the_desk(quarter: Quarter, chance: Random, order: Sold, tell: Tell) -> None:
    at = quarter.working(chance, order.at, 1, 6)
    staff = chance.choice(_DESK)
    channel, direction, text = chance.choice(_CALLS)
    said: list[tuple[str, dict[str, Any]]] = [
        ("Contact Logged", {"channel": channel, "direction": direction, "text": text, "order_id": order.id})
    ]
    if chance.random() < 0.5:
        said.append(("Note Added", {"text": chance.choice(_NOTES)}))
    if chance.random() < 0.3:
        due = back_end.instant(quarter.working(chance, at, 3, 9))[:10]
        said.append(("Follow-up Set", {"due": due, "text": "Ask whether all is well."}))
    if at < quarter.now:
        for n, (event, properties) in enumerate(said):
            tell(at + n, back_end.staff_said(order, at + n, staff, event, properties))


def _mail(event: str, issue: Issue, email: str, at: int) -> Message:
    return back_end.mailed(event, at, email, f"news-{issue.day:%Y-%m-%d}", issue.subject)
