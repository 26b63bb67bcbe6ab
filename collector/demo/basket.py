"""A cart of the demo shop and what it comes to: lines and a coupon enter, exact amounts leave.

Used by the live shop and by its made-up past alike. It knows no page, no session and no visitor.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from msgspec import Struct

from collector.demo.catalogue import VARIANTS, Product, Variant

QUANTITY_MAX = 20
LINES_MAX = 30
VAT = Decimal("0.20")
SHIPPING = {"EUR": Decimal("4.90"), "GBP": Decimal("4.50")}
FREE_FROM = Decimal(60)
COUPONS = {"WELCOME10": Decimal("0.10"), "WARM15": Decimal("0.15")}
EXPIRED = frozenset({"SUMMER25"})
NOTHING = Decimal("0.00")
CENT = Decimal("0.01")


class Line(Struct, frozen=True):
    """So many of one variant."""

    variant_id: str
    quantity: int

    @property
    def product(self) -> Product:
        return VARIANTS[self.variant_id][0]

    @property
    def variant(self) -> Variant:
        return VARIANTS[self.variant_id][1]

    def price(self, currency: str) -> Decimal:
        """Of one piece."""
        return self.product.price(currency, self.variant)


class Basket(Struct, frozen=True):
    """What somebody means to buy. Every change makes a new one."""

    currency: str = "EUR"
    lines: tuple[Line, ...] = ()
    coupon: str = ""

    @property
    def count(self) -> int:
        return sum(line.quantity for line in self.lines)

    @property
    def subtotal(self) -> Decimal:
        return sum((line.price(self.currency) * line.quantity for line in self.lines), NOTHING)

    @property
    def discount(self) -> Decimal:
        return _cents(self.subtotal * COUPONS.get(self.coupon, Decimal(0)))

    @property
    def shipping(self) -> Decimal:
        return NOTHING if not self.lines or self.subtotal >= FREE_FROM else SHIPPING[self.currency]

    @property
    def total(self) -> Decimal:
        return self.subtotal - self.discount + self.shipping

    @property
    def tax(self) -> Decimal:
        """The part of the total that is value added tax."""
        return _cents(self.total * VAT / (1 + VAT))

    def quantity_of(self, variant_id: str) -> int:
        return next((line.quantity for line in self.lines if line.variant_id == variant_id), 0)

    def with_quantity(self, variant_id: str, quantity: int) -> Basket:
        """So many of this variant and no more; none of it takes the line out."""
        kept = [line for line in self.lines if line.variant_id != variant_id]
        place = next((n for n, line in enumerate(self.lines) if line.variant_id == variant_id), len(kept))
        if quantity > 0:
            kept.insert(place, Line(variant_id, min(quantity, QUANTITY_MAX)))
        return Basket(self.currency, tuple(kept[:LINES_MAX]), self.coupon)

    def with_coupon(self, coupon: str) -> Basket:
        return Basket(self.currency, self.lines, coupon)

    def in_currency(self, currency: str) -> Basket:
        return Basket(currency, self.lines, self.coupon)


def refusal(coupon: str) -> str | None:
    """Why a coupon does not count, or None where it does."""
    if coupon in COUPONS:
        return None
    return "expired" if coupon in EXPIRED else "unknown"


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)
