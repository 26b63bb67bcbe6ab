"""The cart as its calls tell it: what is put in and taken out, settled by a list, emptied by an order."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from collector.cart import Cart, CartCall, fold

BOOTS = {"product_id": "B", "name": "Boots", "price": Decimal("89.50"), "currency": "EUR"}
RUG = {"product_id": "R", "sku": "R-1", "name": "Rug", "price": 40, "currency": "EUR"}


def cart(*calls: tuple[str, dict[str, Any]]) -> Cart:
    return fold(CartCall(at, name, properties) for at, (name, properties) in enumerate(calls))


def held(*calls: tuple[str, dict[str, Any]]) -> list[tuple[str, str]]:
    return [(line.name, line.quantity) for line in cart(*calls).lines]


@pytest.mark.parametrize(
    "calls, wanted",
    [
        ([("Product Added", BOOTS)], [("Boots", "1")]),
        ([("Product Added", BOOTS), ("Product Added", BOOTS | {"quantity": 2})], [("Boots", "3")]),
        ([("Product Added", BOOTS | {"quantity": 3}), ("Product Removed", BOOTS | {"quantity": 1})], [("Boots", "2")]),
        ([("Product Added", BOOTS | {"quantity": 3}), ("Product Removed", BOOTS)], []),
        ([("Product Added", BOOTS), ("Product Removed", RUG)], [("Boots", "1")]),
        ([("Product Added", RUG), ("Product Removed", {"product_id": "R"})], []),
        (
            [("Product Added", BOOTS | {"variant_id": "40"}), ("Product Added", BOOTS | {"variant_id": "41"})],
            [("Boots", "1"), ("Boots", "1")],
        ),
        (
            [("Product Added", BOOTS | {"variant": "grey"}), ("Product Added", BOOTS | {"variant": "red"})],
            [("Boots", "1"), ("Boots", "1")],
        ),
        (
            [("Product Added", BOOTS | {"variant": "grey"}), ("Product Added", RUG | {"variant": "grey"})],
            [("Boots", "1"), ("Rug", "1")],
        ),
        ([("Product Added", BOOTS | {"variant": "grey"}), ("Product Removed", BOOTS)], []),
        ([("Product Added", {"products": [BOOTS, RUG]})], [("Boots", "1"), ("Rug", "1")]),
        ([("Product Added", BOOTS), ("Cart Viewed", {"products": [RUG | {"quantity": "2"}]})], [("Rug", "2")]),
        ([("Product Added", BOOTS), ("Cart Viewed", {"products": []})], []),
        ([("Product Added", BOOTS), ("Cart Viewed", {"value": 89.5})], [("Boots", "1")]),
        ([("Product Added", BOOTS), ("Checkout Started", {"products": []})], [("Boots", "1")]),
        ([("Product Added", BOOTS), ("Checkout Started", {"products": [RUG]})], [("Rug", "1")]),
        ([("Product Added", BOOTS), ("Order Completed", {"order_id": "1"})], []),
        ([("Product Added", BOOTS), ("Order Completed", {"sold_via": "pos"})], [("Boots", "1")]),
        ([("Product Added", BOOTS), ("Order Completed", {"sold_via": "Web"})], []),
        ([("Order Completed", {}), ("Product Added", BOOTS)], [("Boots", "1")]),
    ],
)
def test_the_cart_follows_what_was_done(calls: list[tuple[str, dict[str, Any]]], wanted: list[tuple[str, str]]) -> None:
    assert held(*calls) == wanted


@pytest.mark.parametrize(
    "properties",
    [
        {},
        {"products": "all of them"},
        {"products": [None, 1, "x", []]},
        {"product_id": ["a"], "name": {"a": 1}},
        {"product_id": True},
    ],
)
def test_what_names_no_product_changes_nothing(properties: dict[str, Any]) -> None:
    assert held(("Product Added", BOOTS), ("Product Added", properties)) == [("Boots", "1")]
    assert held(("Product Added", BOOTS), ("Product Removed", properties)) == [("Boots", "1")]


@pytest.mark.parametrize("quantity", [-1, 0, "many", None, True, Decimal("NaN"), Decimal("1e400"), "1e99999999"])
def test_a_quantity_that_is_none_counts_as_one(quantity: Any) -> None:
    assert held(("Product Added", BOOTS | {"quantity": quantity})) == [("Boots", "1")]


def test_a_price_that_is_none_leaves_the_line_without_one() -> None:
    kept = cart(("Product Added", BOOTS | {"price": "on request"}), ("Product Added", RUG))
    assert kept.lines[0].amount is None
    assert kept.amounts() == {"EUR": "40"}


def test_amounts_are_exact_and_never_added_across_currencies() -> None:
    calls = [("Product Added", RUG | {"product_id": str(n), "sku": "", "price": Decimal("0.1")}) for n in range(3)]
    kept = cart(*calls, ("Product Added", BOOTS | {"currency": "SEK", "quantity": 2}))
    assert kept.amounts() == {"EUR": "0.3", "SEK": "179.00"}
    assert kept.items() == "5"


def test_it_says_when_it_was_last_touched() -> None:
    assert cart().changed is None
    assert cart(("Product Added", BOOTS), ("Cart Viewed", {})).changed == 1
    assert cart(("Product Added", BOOTS), ("Order Completed", {"sold_via": "pos"})).changed == 0
