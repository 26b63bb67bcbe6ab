"""What the demo shop's back end tells the collector under its secret key, as a real shop's would.

Accounts and orders enter; messages of the public wire leave. They are made here and sent elsewhere: by HTTP from the
live shop, straight into the log for its made-up past. It knows no network and no clock.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from collector.demo import facts
from collector.demo.books import Account, Details, Sold

Message = dict[str, Any]
LIBRARY = {"name": "demo-shop", "version": "1"}


def signed_up(account: Account) -> Message:
    """Who the account is."""
    traits = _traits(account.details) | {"created_at": instant(account.at)}
    return _message(f"demo:account:{account.id}", "identify", account.at, userId=account.id, traits=traits)


def ordered(order: Sold) -> list[Message]:
    """The order, and of a guest also the name, which no account tells."""
    told = facts.order(order.id, order.basket) | {"email": order.details.email}
    who = {"userId": order.account} if order.account else {}
    completed = _track(f"demo:order:{order.id}", "Order Completed", order.at, told, **who)
    if order.account:
        return [completed]
    guest = _message(f"demo:guest:{order.id}", "identify", order.at, traits=_traits(order.details))
    return [completed, guest]


def shipped(order: Sold, at: int) -> Message:
    told = facts.shipped(order.id, f"P{at % 10**9:09d}FR")
    return _track(f"demo:shipped:{order.id}", "Order Shipped", at, told)


def delivered(order: Sold, at: int) -> Message:
    return _track(f"demo:delivered:{order.id}", "Order Delivered", at, {"order_id": order.id})


def cancelled(order: Sold, at: int, reason: str) -> Message:
    return _track(f"demo:cancelled:{order.id}", "Order Cancelled", at, {"order_id": order.id, "reason": reason})


def refunded(order: Sold, at: int, amount: Any, reason: str) -> Message:
    told = facts.refund(order.id, f"R-{order.id}", amount, order.basket.currency, reason)
    return _track(f"demo:refunded:{order.id}", "Order Refunded", at, told)


def instant(at: int) -> str:
    """Milliseconds as the ISO 8601 time that the wire carries."""
    return datetime.fromtimestamp(at / 1_000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _track(id: str, event: str, at: int, properties: dict[str, Any], **who: str) -> Message:
    return _message(id, "track", at, event=event, properties=properties, **who)


def _message(id: str, kind: str, at: int, **fields: Any) -> Message:
    context = {"library": LIBRARY}
    return {"messageId": id, "type": kind, "timestamp": instant(at), **fields, "context": context}


def _traits(details: Details) -> dict[str, Any]:
    traits = {
        "email": details.email,
        "first_name": details.first_name,
        "last_name": details.last_name,
        "name": f"{details.first_name} {details.last_name}",
        "phone": details.phone,
        "city": details.city,
        "country": details.country,
    }
    return {name: value for name, value in traits.items() if value}
