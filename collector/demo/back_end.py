"""What the demo shop's back end tells the collector under its secret key, as a real shop's would.

Accounts and orders enter; messages of the public wire leave. They are made here and sent elsewhere: by HTTP from the
live shop, straight into the log for its made-up past. It knows no network and no clock.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Any

from collector.demo import facts
from collector.demo.catalogue import SHOP_NAME
from collector.demo.records import Account, Details, Sold
from collector.event import DAY_MS

Message = dict[str, Any]
_EPOCH = date(1970, 1, 1).toordinal()
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


def mailed(event: str, at: int, email: str, campaign: str, subject: str) -> Message:
    """What the mailing service reports of one mail."""
    told = {"email": email, "campaign_id": campaign, "campaign_name": campaign, "email_subject": subject}
    return _track(f"demo:mail:{campaign}:{email}:{event}", event, at, told)


def staff_said(order: Sold, at: int, staff: str, event: str, properties: dict[str, Any]) -> Message:
    """What somebody at the desk wrote down about the person of an order."""
    who = {"userId": order.account} if order.account else {}
    told = properties | ({} if who else {"email": order.details.email})
    message = _track(f"demo:desk:{order.id}:{event}", event, at, told, **who)
    message["context"] = {"library": LIBRARY, "actor": {"type": "staff", "name": staff}}
    return message


def in_the_shop(order: Sold) -> Message:
    """An order that was made on the shop's own tablet, in its rooms."""
    told = facts.order(order.id, order.basket) | {"email": order.details.email}
    told |= {"affiliation": f"{SHOP_NAME}, Lyon", "sold_via": "tablet"}
    return _track(f"demo:order:{order.id}", "Order Completed", order.at, told, userId=order.account)


def repriced(product_id: str, at: int, properties: dict[str, Any]) -> Message:
    """`Product Updated`: a price has changed."""
    told = {"product_id": product_id} | properties
    return _track(f"demo:product:{product_id}:{at}", "Product Updated", at, told)


def instant(at: int) -> str:
    """Milliseconds as the ISO 8601 time that the wire carries."""
    day, rest = divmod(at, DAY_MS)
    seconds, ms = divmod(rest, 1_000)
    minutes, second = divmod(seconds, 60)
    return f"{_date(day)}T{minutes // 60:02}:{minutes % 60:02}:{second:02}.{ms:03}Z"


@lru_cache(256)
def _date(day: int) -> str:
    return date.fromordinal(_EPOCH + day).isoformat()


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
