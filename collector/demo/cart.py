"""The demo shop's cart: what is added, changed, taken out, and the coupon."""

from __future__ import annotations

import secrets

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from collector.demo import facts
from collector.demo.basket import LINES_MAX, QUANTITY_MAX, Line, refusal
from collector.demo.catalogue import VARIANTS
from collector.demo.visit import Visit, handled

COUPON_MAX = 40
REFUSALS = {"expired": "has expired", "unknown": "is not one of ours"}
TOO_MANY = f"We can send at most {QUANTITY_MAX} of one thing at a time."


def show(visit: Visit) -> Response:
    """The cart as it is."""
    if visit.session.basket.lines:
        visit.track("Cart Viewed", facts.cart(visit.session.basket, visit.session.cart_id))
    return visit.page("cart.html", quantities=range(1, QUANTITY_MAX + 1))


def add(visit: Visit) -> Response:
    """Some more of a variant."""
    variant_id = _variant_id(visit)
    quantity = _quantity(visit)
    product, variant = VARIANTS[variant_id]
    had = visit.session.basket.quantity_of(variant_id)
    if quantity is None or quantity < 1:
        return visit.go(product.path, "Please choose how many, from 1 up.")
    if had + quantity > QUANTITY_MAX:
        return visit.go(product.path, TOO_MANY)
    if not variant.in_stock:
        return visit.go(product.path, f"{product.name}, {variant.name}, is sold out.")
    if not had and len(visit.session.basket.lines) == LINES_MAX:
        return visit.go("cart", f"A cart holds {LINES_MAX} different things, and yours is full.")
    if not visit.session.cart_id:
        visit.change(cart_id=f"cart-{secrets.token_hex(6)}")
    _set(visit, variant_id, had + quantity)
    return visit.go("cart", f"{product.name} is in your cart.")


def change(visit: Visit) -> Response:
    """Another quantity; 0 takes the line out."""
    variant_id, quantity = _variant_id(visit), _quantity(visit)
    if quantity is None or quantity < 0:
        return visit.go("cart", "Please choose how many, from 0 up.")
    if quantity > QUANTITY_MAX:
        return visit.go("cart", TOO_MANY)
    if visit.session.basket.quantity_of(variant_id):
        _set(visit, variant_id, quantity)
    return visit.go("cart")


def coupon(visit: Visit) -> Response:
    """A code is entered: it counts, or the visitor hears why not."""
    code = visit.form.get("coupon", "").upper()[:COUPON_MAX]
    if not code:
        return visit.go("cart", "Please enter a code first.")
    cart_id = visit.session.cart_id
    visit.track("Coupon Entered", facts.coupon(code, cart_id))
    reason = refusal(code)
    if reason:
        visit.track("Coupon Denied", facts.coupon(code, cart_id, reason=reason))
        return visit.go(
            "cart", f"The code {code} " + ("has expired." if reason == "expired" else "is not one of ours.")
        )
    basket = visit.session.basket.with_coupon(code)
    visit.change(basket=basket)
    visit.track("Coupon Applied", facts.coupon(code, cart_id, basket))
    return visit.go("cart", f"The code {code} counts.")


def no_coupon(visit: Visit) -> Response:
    """The code is taken out again."""
    code = visit.session.basket.coupon
    if code:
        visit.track("Coupon Removed", facts.coupon(code, visit.session.cart_id))
        visit.change(basket=visit.session.basket.with_coupon(""))
    return visit.go("cart")


def _set(visit: Visit, variant_id: str, quantity: int) -> None:
    """Change the line, and tell by how much."""
    basket = visit.session.basket
    difference = quantity - basket.quantity_of(variant_id)
    if difference:
        told = facts.added(Line(variant_id, abs(difference)), basket.currency, visit.session.cart_id)
        visit.track("Product Added" if difference > 0 else "Product Removed", told)
        visit.change(basket=basket.with_quantity(variant_id, quantity))


def _variant_id(visit: Visit) -> str:
    variant_id = visit.form.get("variant", "")
    if variant_id not in VARIANTS:
        raise HTTPException(404)
    return variant_id


def _quantity(visit: Visit) -> int | None:
    """A whole number of at most twelve digits, or None."""
    text = visit.form.get("quantity", "1")
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) <= 12 else None


routes = [
    Route("/cart", handled(show)),
    Route("/cart/add", handled(add), methods=["POST"]),
    Route("/cart/change", handled(change), methods=["POST"]),
    Route("/cart/coupon", handled(coupon), methods=["POST"]),
    Route("/cart/no-coupon", handled(no_coupon), methods=["POST"]),
]
