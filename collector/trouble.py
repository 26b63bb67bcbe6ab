"""Trouble: which calls tell that something went wrong for a person, and what it was, in a few plain words.

What enters: a call's type, name and properties. What leaves: a word for the trouble, or None. Shops give many names to
a failed payment, so a name that nobody has agreed on is read for the words that it is made of. It knows no store.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

Properties = Mapping[str, Any]

_ERRORS = ("error", "error_message", "error_code", "errors", "failure_reason", "decline_reason", "decline_code")
_FAILED = frozenset({"failed", "failure", "error", "declined", "denied", "rejected", "refused", "payment_failed"})
_RESULTS = ("results", "results_count", "result_count", "number_of_results", "hits", "total_results")
_BAD_WORDS = frozenset(
    """failed failure fail error errors declined denied rejected refused unavailable timeout crashed expired blocked
    invalid""".split()  # noqa: SIM905
)
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SOLD_OUT = ({"out", "stock"}, {"sold", "out"}, {"not", "found"})


def may_tell(type: str, name: str) -> bool:
    """Whether calls of this name can tell of trouble: a first look that needs no properties."""
    return type == "track" and (name in _TOLD_BY or _custom(name) is not None)


def told_by(type: str, name: str, properties: Properties) -> str | None:
    """The trouble that a call tells of, such as `Coupon refused`; None where all went well."""
    if type != "track":
        return None
    teller = _TOLD_BY.get(name)
    return teller(properties) if teller else _custom(name)


@lru_cache(4_096)
def _custom(name: str) -> str | None:
    """The trouble in a name such as `payment_failed`, `PaymentDeclined` or `Out of Stock Seen`."""
    words = [word.lower() for word in _WORDS.findall(name)]
    held = set(words)
    if held & _BAD_WORDS or any(pair <= held for pair in _SOLD_OUT):
        return " ".join(words).capitalize()[:60]
    return None


def _always(word: str) -> Callable[[Properties], str | None]:
    return lambda properties: word


def _where_it_failed(word: str) -> Callable[[Properties], str | None]:
    """Steps of a checkout tell of trouble where they carry an error."""

    def read(properties: Properties) -> str | None:
        failed = any(properties.get(name) for name in _ERRORS) or properties.get("success") is False
        status = properties.get("status")
        return word if failed or (isinstance(status, str) and status.strip().lower() in _FAILED) else None

    return read


def _found_nothing(properties: Properties) -> str | None:
    counted = next((properties[name] for name in _RESULTS if name in properties), None)
    empty = counted == [] or (not isinstance(counted, list | dict | bool) and _number(counted) == 0)
    listed = properties.get("products") == [] and counted is None
    return "Search found nothing" if empty or listed else None


def _thumb_down(properties: Properties) -> str | None:
    thumb = properties.get("thumb")
    if thumb is False or (isinstance(thumb, str | int) and str(thumb).strip().lower() in ("down", "no", "-1", "0")):
        return "Thumb down"
    score = _number(properties.get("score", properties.get("rating")))
    scale = _number(properties.get("scale")) or Decimal(5)
    return "Low score" if score is not None and scale > 0 and score * 5 <= scale * 2 else None


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal | float):
        return None
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number.adjusted()) < 15 else None


_TOLD_BY: dict[str, Callable[[Properties], str | None]] = {
    "Coupon Denied": _always("Coupon refused"),
    "Order Cancelled": _always("Order cancelled"),
    "Order Refunded": _always("Order refunded"),
    "Email Bounced": _always("Mail came back"),
    "Email Marked as Spam": _always("Mail marked as spam"),
    "Products Searched": _found_nothing,
    "Feedback Given": _thumb_down,
    "Payment Info Entered": _where_it_failed("Payment failed"),
    "Checkout Step Viewed": _where_it_failed("Checkout failed"),
    "Checkout Step Completed": _where_it_failed("Checkout failed"),
    "Order Updated": _where_it_failed("Order in trouble"),
}
