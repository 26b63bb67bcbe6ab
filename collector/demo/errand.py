"""What a visitor does on one visit to the demo's past: looks about, searches, fills a cart, tries a code, buys.

What enters: a walk and how much the visitor wants. What leaves: the calls, on the walk, and the cart as it then is.
Each step tells what the live shop's page tells, by the same facts.
"""

from __future__ import annotations

from functools import lru_cache

from msgspec import Struct

from collector.demo import facts
from collector.demo.basket import FREE_FROM, Basket, Line
from collector.demo.catalogue import CATEGORIES, FEATURED, PRODUCTS, Product, find, listed
from collector.demo.landings import Landing
from collector.demo.people import pick
from collector.demo.walk import Walk

_ALL = list(PRODUCTS.values())
_APPEAL = [product.appeal for product in _ALL]
_FOUND = ("lamp", "linen", "candles", "trowel", "mugs", "rucksack", "coffee", "blanket", "seeds", "board", "lantern")
_MISSED = ("cushion covers", "christmas", "curtains", "rug", "gift card", "umbrella", "hammock", "teapot", "vase",
           "door mat", "wellies", "lampe de chevet", "tablier en lin")  # fmt: skip
_NEXT = (("product", 46), ("list", 26), ("search", 10), ("home", 6), ("filter", 6), ("letter", 6))


class Wish(Struct, frozen=True):
    """How many pages somebody looks at, and how easily they put a thing into the cart (0 to 1)."""

    pages: int
    desire: float


def look_about(walk: Walk, landing: Landing, basket: Basket, cart_id: str, wish: Wish) -> Basket:
    """From the landing through the shop; returns the cart."""
    shelf = _arrive(walk, landing, basket.currency)
    for _ in range(wish.pages - 1):
        walk.look(6, 75)
        step = pick(walk.chance, _NEXT)
        if step == "product":
            chosen = _choose(walk, shelf)
            walk.track("Product Clicked", facts.product(chosen, basket.currency, position=shelf.index(chosen) + 1))
            basket = _see(walk, chosen, basket, cart_id, wish.desire)
        elif step == "search":
            shelf = _search(walk) or shelf
        elif step == "home":
            shelf = _home(walk, basket.currency)
        elif step == "letter":
            walk.page("about/delivery", "Delivery and returns")
        else:
            shelf = _list(walk, walk.chance.choice(list(CATEGORIES)), basket.currency, filtered=step == "filter")
    walk.look(4, 40)
    return basket


def fill(walk: Walk, basket: Basket, cart_id: str) -> Basket:
    """Put something in, for whoever has come to buy."""
    for _ in range(walk.chance.choice((1, 1, 2))):
        basket = _see(walk, walk.chance.choices(_ALL, _APPEAL)[0], basket, cart_id, 1.0)
    return basket


def see_cart(walk: Walk, basket: Basket, cart_id: str) -> Basket:
    """The cart's page, where some take a thing out and some try a code."""
    walk.page("cart", "Cart")
    walk.track("Cart Viewed", facts.cart(basket, cart_id))
    walk.look(5, 60)
    if len(basket.lines) > 1 and walk.chance.random() < 0.15:
        gone = walk.chance.choice(basket.lines)
        walk.track("Product Removed", facts.added(gone, basket.currency, cart_id))
        basket = basket.with_quantity(gone.variant_id, 0)
        walk.look(3, 20)
    if walk.chance.random() < 0.22:
        basket = _try_code(walk, basket, cart_id)
    return basket


def go_to_pay(walk: Walk, basket: Basket, cart_id: str, checkout_id: str, patience: float) -> bool:
    """The checkout; whether the visitor has paid. `patience` (0 to 1) is how likely each step is taken."""
    walk.page("checkout", "Checkout")
    walk.track("Checkout Started", {"checkout_id": checkout_id} | facts.cart(basket, cart_id))
    walk.track("Checkout Step Viewed", facts.step(checkout_id, 1))
    walk.look(25, 160)
    if walk.chance.random() > patience:
        return False
    walk.track("Checkout Step Completed", facts.step(checkout_id, 1))
    walk.page("checkout/payment", "Payment")
    walk.track("Checkout Step Viewed", facts.step(checkout_id, 2))
    walk.look(15, 90)
    if walk.chance.random() > patience:
        return False
    walk.track("Payment Info Entered", facts.payment(checkout_id))
    if walk.chance.random() < 0.09:
        walk.track("Payment Failed", facts.payment_failed(checkout_id, basket))
        walk.look(20, 120)
        if walk.chance.random() > patience * 0.7:
            return False
        walk.track("Payment Info Entered", facts.payment(checkout_id))
    walk.track("Checkout Step Completed", facts.step(checkout_id, 2))
    walk.look(1, 4)
    return True


def _arrive(walk: Walk, landing: Landing, currency: str) -> list[Product]:
    if landing.page == "home":
        return _home(walk, currency)
    if landing.page == "category":
        return _list(walk, walk.chance.choice(list(CATEGORIES)), currency)
    chosen = walk.chance.choices(_ALL, _APPEAL)[0]
    _view(walk, chosen, currency)
    return listed(chosen.category)


@lru_cache(64)
def _told(list_id: str, ids: tuple[str, ...], currency: str) -> facts.Told:
    """The same lists are told many thousand times."""
    return facts.products_list(list_id, [PRODUCTS[id] for id in ids], currency)


def _ids(shelf: list[Product]) -> tuple[str, ...]:
    return tuple(product.id for product in shelf)


def _home(walk: Walk, currency: str) -> list[Product]:
    shelf = [PRODUCTS[id] for id in FEATURED]
    walk.page("", "Things for house and garden")
    walk.track("Promotion Viewed", facts.promotion())
    walk.track("Product List Viewed", _told("home", FEATURED, currency))
    if walk.chance.random() < 0.08:
        walk.look(2, 8)
        walk.track("Promotion Clicked", facts.promotion())
        _view(walk, PRODUCTS["204"], currency)
    return shelf


def _list(walk: Walk, category: str, currency: str, *, filtered: bool = False) -> list[Product]:
    shelf = listed(category)
    walk.page(f"c/{category}", CATEGORIES[category].name)
    walk.track("Product List Viewed", _told(category, _ids(shelf), currency))
    if filtered:
        walk.look(4, 15)
        shelf = sorted(shelf, key=lambda one: one.price(currency))
        told = _told(category, _ids(shelf), currency) | {"sorts": [facts.sorting("price")]}
        walk.page(f"c/{category}?sort=price", CATEGORIES[category].name)
        walk.track("Product List Filtered", told)
    return shelf


def _search(walk: Walk) -> list[Product]:
    words = walk.chance.choice(_FOUND if walk.chance.random() < 0.72 else _MISSED)
    found = find(words)
    walk.page(f"search?q={words.replace(' ', '+')}", "Search")
    walk.track("Products Searched", facts.search(words, len(found)))
    return found


def _choose(walk: Walk, shelf: list[Product]) -> Product:
    return walk.chance.choices(shelf, [product.appeal for product in shelf])[0]


def _view(walk: Walk, product: Product, currency: str) -> None:
    variant = next((one for one in product.variants if one.in_stock), product.variants[0])
    walk.page(product.path, product.name)
    walk.track("Product Viewed", facts.product(product, currency, variant))


def _see(walk: Walk, product: Product, basket: Basket, cart_id: str, desire: float) -> Basket:
    """A product's page, and perhaps it goes into the cart."""
    _view(walk, product, basket.currency)
    walk.look(8, 110)
    if walk.chance.random() >= desire:
        return basket
    variant = walk.chance.choice([one for one in product.variants if one.in_stock])
    line = Line(variant.id, 1 if product.price(basket.currency) > FREE_FROM else walk.chance.choice((1, 1, 1, 2)))
    walk.page("cart", "Cart")
    walk.track("Product Added", facts.added(line, basket.currency, cart_id))
    return basket.with_quantity(variant.id, basket.quantity_of(variant.id) + line.quantity)


def _try_code(walk: Walk, basket: Basket, cart_id: str) -> Basket:
    code = pick(walk.chance, (("WELCOME10", 45), ("SUMMER25", 35), ("FREESHIP", 10), ("WARM15", 10)))
    walk.track("Coupon Entered", facts.coupon(code, cart_id))
    reason = {"SUMMER25": "expired", "FREESHIP": "unknown"}.get(code)
    if reason:
        walk.track("Coupon Denied", facts.coupon(code, cart_id, reason=reason))
        return basket
    basket = basket.with_coupon(code)
    walk.track("Coupon Applied", facts.coupon(code, cart_id, basket))
    return basket
