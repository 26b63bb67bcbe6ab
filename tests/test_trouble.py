"""What counts as trouble: by name, by what a call says, and by the words of names that shops make up."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from collector.trouble import may_tell, told_by


@pytest.mark.parametrize(
    "name, properties, wanted",
    [
        ("Coupon Denied", {}, "Coupon refused"),
        ("Order Cancelled", {}, "Order cancelled"),
        ("Order Refunded", {}, "Order refunded"),
        ("Email Bounced", {}, "Mail came back"),
        ("Products Searched", {"query": "x", "results": 0}, "Search found nothing"),
        ("Products Searched", {"query": "x", "results_count": "0"}, "Search found nothing"),
        ("Products Searched", {"query": "x", "products": []}, "Search found nothing"),
        ("Products Searched", {"query": "x", "results": []}, "Search found nothing"),
        ("Products Searched", {"query": "x", "results": 3}, None),
        ("Products Searched", {"query": "x", "results": False}, None),
        ("Products Searched", {"query": "x"}, None),
        ("Products Searched", {"query": "x", "results": 3, "products": []}, None),
        ("Feedback Given", {"thumb": "down"}, "Thumb down"),
        ("Feedback Given", {"thumb": False}, "Thumb down"),
        ("Feedback Given", {"thumb": "up"}, None),
        ("Feedback Given", {"score": 2, "scale": 5}, "Low score"),
        ("Feedback Given", {"score": "1"}, "Low score"),
        ("Feedback Given", {"score": 6, "scale": 10}, None),
        ("Feedback Given", {"score": Decimal("NaN")}, None),
        ("Checkout Step Completed", {"step": 3, "error": "card declined"}, "Checkout failed"),
        ("Checkout Step Completed", {"step": 3, "success": False}, "Checkout failed"),
        ("Checkout Step Completed", {"step": 3, "error": ""}, None),
        ("Payment Info Entered", {"status": "Declined"}, "Payment failed"),
        ("Payment Info Entered", {"payment_method": "card"}, None),
        ("Order Updated", {"status": "payment_failed"}, "Order in trouble"),
        ("Order Updated", {"status": "packed"}, None),
        ("Payment Failed", {}, "Payment failed"),
        ("payment_declined", {}, "Payment declined"),
        ("PaymentError", {}, "Payment error"),
        ("checkout.login.failed", {}, "Checkout login failed"),
        ("Out of Stock Seen", {}, "Out of stock seen"),
        ("Page Not Found", {}, "Page not found"),
        ("Size Guide Opened", {}, None),
        ("Terror Film Viewed", {}, None),
        ("Stock Checked", {}, None),
        ("Product Viewed", {"error": "no picture"}, None),
    ],
)
def test_trouble_is_known_by_its_name_or_by_what_it_says(
    name: str, properties: dict[str, Any], wanted: str | None
) -> None:
    assert told_by("track", name, properties) == wanted
    if wanted:
        assert may_tell("track", name)


def test_only_track_calls_tell_of_trouble() -> None:
    assert told_by("page", "Payment Failed", {}) is None
    assert not may_tell("page", "Payment Failed")


@pytest.mark.parametrize("name", ["", " ", "\x00", "失敗", "_" * 5_000, "Failed" * 2_000])
def test_names_of_any_kind_are_read(name: str) -> None:
    word = told_by("track", name, {})
    assert word is None or len(word) <= 60
