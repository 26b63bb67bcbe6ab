"""The cart: calls that put in and take out -> what lies in it now, and since when.

What enters: a person's calls about the cart, in the order in which they happened. What leaves: lines with exact
quantities and prices. A call that lists the whole cart settles it; an order empties it. It knows no store and no clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from msgspec import Struct

CALLS = frozenset({"Product Added", "Product Removed", "Cart Viewed", "Checkout Started", "Order Completed"})
_LISTING = frozenset({"Cart Viewed", "Checkout Started"})
# What tells products apart, the narrowest first; `id` is how some shops spell it. A `variant` is only a word, such as
# `grey`: it tells lines apart where nothing narrower than the product is said.
_IDS = (("variant_id",), ("sku",), ("product_id", "id"), ("name",))
_NARROW = 2
LINES_MAX = 500
# The web's own ways to sell: an order that was made elsewhere leaves the cart as it is.
_ONLINE = frozenset({"", "web", "online", "online_store", "app", "mobile", "mobile_app", "shop", "website"})


class CartCall(Struct, frozen=True):
    """A call about the cart; `properties` decoded with decimals."""

    time: int
    name: str
    properties: Mapping[str, Any]


class CartLine(Struct, frozen=True, kw_only=True):
    """One product in the cart; `ids` are those of _IDS, '' where not said. Numbers are exact decimal text."""

    ids: tuple[str, ...]
    name: str
    variant: str
    quantity: str
    price: str | None
    currency: str
    url: str

    @property
    def amount(self) -> Decimal | None:
        return None if self.price is None else Decimal(self.price) * Decimal(self.quantity)


class Cart(Struct, frozen=True):
    """What lies in the cart; `changed` is when it was last filled, emptied or looked at, None: never."""

    lines: tuple[CartLine, ...] = ()
    changed: int | None = None

    def amounts(self) -> dict[str, str]:
        """The sum of the lines that have a price, currency by currency."""
        sums: dict[str, Decimal] = {}
        for line in self.lines:
            if line.amount is not None:
                sums[line.currency] = sums.get(line.currency, Decimal(0)) + line.amount
        return {currency: format(amount, "f") for currency, amount in sorted(sums.items())}

    def items(self) -> str:
        """How many pieces lie in it."""
        return format(sum((Decimal(line.quantity) for line in self.lines), Decimal(0)).normalize(), "f")


def fold(calls: Iterable[CartCall]) -> Cart:
    """The cart after all the calls."""
    lines: list[CartLine] = []
    changed: int | None = None
    for call in calls:
        told = _told(call)
        if call.name == "Order Completed":
            if _text(call.properties.get("sold_via")).lower() not in _ONLINE:
                continue
            lines = []
        elif call.name in _LISTING:
            listed = isinstance(call.properties.get("products"), list)
            lines = told if listed and (told or call.name == "Cart Viewed") else lines
        elif call.name == "Product Added":
            for line in told:
                lines = _added(lines, line)
        elif call.name == "Product Removed":
            for line in told:
                lines = _removed(lines, line, bool(_amount(call.properties.get("quantity"))))
        changed = call.time
    return Cart(tuple(lines[:LINES_MAX]), changed)


def _told(call: CartCall) -> list[CartLine]:
    """The products that a call speaks of: a list, or the one that its properties are."""
    listed = call.properties.get("products")
    products = listed if isinstance(listed, list) else [] if call.name in _LISTING else [call.properties]
    currency = _text(call.properties.get("currency")).upper()
    lines = (_line(product, currency) for product in products[:LINES_MAX] if isinstance(product, dict))
    return [line for line in lines if any(line.ids)]


def _line(product: Mapping[str, Any], currency: str) -> CartLine:
    quantity = _amount(product.get("quantity"))
    price = _amount(product.get("price"))
    return CartLine(
        ids=tuple(next(filter(None, (_text(product.get(name)) for name in names)), "") for names in _IDS),
        name=_text(product.get("name")) or _text(product.get("title")),
        variant=_text(product.get("variant")),
        quantity=format(quantity if quantity is not None and quantity > 0 else Decimal(1), "f"),
        price=None if price is None else format(price, "f"),
        currency=_text(product.get("currency")).upper() or currency,
        url=_text(product.get("url")),
    )


def _added(lines: list[CartLine], line: CartLine) -> list[CartLine]:
    at = _place(lines, line)
    if at is None:
        return [*lines, line]
    held = lines[at]
    merged = CartLine(
        ids=tuple(new or old for new, old in zip(line.ids, held.ids, strict=True)),
        name=line.name or held.name,
        variant=line.variant or held.variant,
        quantity=format(Decimal(held.quantity) + Decimal(line.quantity), "f"),
        price=line.price or held.price,
        currency=line.currency or held.currency,
        url=line.url or held.url,
    )
    return [*lines[:at], merged, *lines[at + 1 :]]


def _removed(lines: list[CartLine], line: CartLine, counted: bool) -> list[CartLine]:
    """Without a quantity the whole line goes."""
    at = _place(lines, line)
    if at is None:
        return lines
    left = Decimal(lines[at].quantity) - Decimal(line.quantity)
    if not counted or left <= 0:
        return [*lines[:at], *lines[at + 1 :]]
    held = lines[at]
    return [*lines[:at], CartLine(**{**_fields(held), "quantity": format(left, "f")}), *lines[at + 1 :]]


def _fields(line: CartLine) -> dict[str, Any]:
    return {field: getattr(line, field) for field in line.__struct_fields__}


def _place(lines: list[CartLine], line: CartLine) -> int | None:
    """The line of the same product: by the narrowest id that both have."""
    return next((at for at, held in enumerate(lines) if _same(held, line)), None)


def _same(held: CartLine, line: CartLine) -> bool:
    both = [at for at in range(len(_IDS)) if held.ids[at] and line.ids[at]]
    if not both or held.ids[both[0]] != line.ids[both[0]]:
        return False
    return both[0] < _NARROW or not (held.variant and line.variant) or held.variant == line.variant


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal | float):
        return ""
    return str(value).strip()


def _amount(value: Any) -> Decimal | None:
    """An exact decimal; None where it is not a plain number of a sane size."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal | float):
        return None
    try:
        amount = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    sane = amount.is_finite() and amount.adjusted() < 15 and amount.as_tuple().exponent >= -12  # type: ignore[operator]
    return amount if sane else None
