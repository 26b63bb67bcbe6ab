"""What the demo shop tells of each event: products, carts and orders enter, the properties of the specs leave.

The live pages and the made-up past both speak through this, so that one looks like the other. It knows no wire, no
visitor and no clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from collector.demo.basket import Basket, Line
from collector.demo.catalogue import CATEGORIES, SHOP_NAME, Product, Variant

Told = dict[str, Any]
CHECKOUT_STEPS = ("Your details", "Payment")


def product(product: Product, currency: str, variant: Variant | None = None, position: int | None = None) -> Told:
    """One product as it is shown."""
    told: Told = {
        "product_id": product.id,
        "name": product.name,
        "brand": product.brand,
        "category": CATEGORIES[product.category].name,
        "price": number(product.price(currency, variant)),
        "currency": currency,
    }
    if variant:
        told |= {"sku": variant.id, "variant_id": variant.id, "variant": variant.name}
    return told if position is None else told | {"position": position}


def line(line: Line, currency: str) -> Told:
    """One line of a cart or an order."""
    told = product(line.product, currency, line.variant)
    del told["currency"]
    return told | {"quantity": line.quantity}


def cart(basket: Basket, cart_id: str) -> Told:
    return {
        "cart_id": cart_id,
        "value": number(basket.total),
        "currency": basket.currency,
        "products": [line(one, basket.currency) for one in basket.lines],
    }


def added(one: Line, currency: str, cart_id: str) -> Told:
    """`Product Added` and `Product Removed`."""
    return {"cart_id": cart_id, "currency": currency} | line(one, currency)


def products_list(list_id: str, products: Iterable[Product], currency: str) -> Told:
    """`Product List Viewed`; `list_id` is a category's id, or `home`."""
    category = CATEGORIES.get(list_id)
    shown = [_shown(one, currency, place) for place, one in enumerate(products, 1)]
    named = {"category": category.name} if category else {"list_name": "featured products"}
    return {"list_id": list_id, **named, "products": shown}


def sorting(by: str) -> Told:
    """One of `sorts`: the shop sorts by price or name, the least first."""
    return {"type": by, "value": "asc"}


def search(query: str, found: int) -> Told:
    return {"query": query, "results": found}


def promotion(place: str = "home") -> Told:
    """The one that hangs on the shop's front page."""
    return {"promotion_id": "lamps-71", "name": "Opal lamps on sale", "creative": "a moon", "position": place}


def coupon(code: str, cart_id: str, basket: Basket | None = None, reason: str = "") -> Told:
    """Entered, applied (`basket` says what it saves) or denied (`reason` says why)."""
    told: Told = {"coupon_id": code, "cart_id": cart_id}
    if basket:
        told |= {"discount": number(basket.discount), "currency": basket.currency}
    return told | ({"reason": reason} if reason else {})


def step(checkout_id: str, number: int) -> Told:
    """`Checkout Step Viewed` and `Checkout Step Completed`, the first step being 1."""
    return {"checkout_id": checkout_id, "step": number, "step_name": CHECKOUT_STEPS[number - 1]}


def payment(checkout_id: str) -> Told:
    """`Payment Info Entered`. Nothing of the card is ever told."""
    return {"checkout_id": checkout_id, "step": 2, "payment_method": "card"}


def payment_failed(checkout_id: str, basket: Basket) -> Told:
    return {
        "reason": "card_declined",
        "payment_method": "card",
        "total": number(basket.total),
        "currency": basket.currency,
        "checkout_id": checkout_id,
    }


def order(order_id: str, basket: Basket) -> Told:
    """`Order Completed`, as browser and back end both tell it."""
    told = {
        "order_id": order_id,
        "affiliation": SHOP_NAME,
        "subtotal": number(basket.subtotal),
        "shipping": number(basket.shipping),
        "tax": number(basket.tax),
        "discount": number(basket.discount),
        "total": number(basket.total),
        "currency": basket.currency,
        "products": [line(one, basket.currency) for one in basket.lines],
    }
    return told | ({"coupon": basket.coupon} if basket.coupon else {})


def refund(order_id: str, refund_id: str, amount: Decimal, currency: str, reason: str) -> Told:
    return {
        "order_id": order_id,
        "refund_id": refund_id,
        "amount": number(amount),
        "currency": currency,
        "reason": reason,
    }


def shipped(order_id: str, tracking_number: str) -> Told:
    return {"order_id": order_id, "carrier": "Posted", "tracking_number": tracking_number}


def feedback(order_id: str, thumb: str = "", text: str = "") -> Told:
    """`Feedback Requested`, and `Feedback Given` with `thumb` up or down."""
    told = {"about": "order", "order_id": order_id, "thumb": thumb, "text": text}
    return {name: value for name, value in told.items() if value}


def number(amount: Decimal) -> int | float:
    """A JSON number with the digits that the amount has."""
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def _shown(one: Product, currency: str, position: int) -> Told:
    told = product(one, currency, position=position)
    return {name: told[name] for name in ("product_id", "name", "price", "currency", "position")}
