"""What the demo shop sells: the products of `catalogue.json` (made up, as their brands are), their prices and variants.

What enters: an id, words to look for, a currency. What leaves: products and exact prices. It knows no cart, no page and
no visitor.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import msgspec
from msgspec import Struct

CURRENCIES = ("EUR", "GBP")
SIGNS = {"EUR": "€", "GBP": "£"}
SHOP_NAME = "Heron & Hazel"
FEATURED = ("204", "402", "104", "302", "403", "101", "203", "406")


class Category(Struct, frozen=True):
    """`line` is what stands below its name."""

    id: str
    name: str
    line: str


class Variant(Struct, frozen=True):
    """`id` is its SKU too; `extra` is what it costs beyond the product's price."""

    id: str
    name: str
    in_stock: bool
    extra: dict[str, Decimal] = {}


class Product(Struct, frozen=True, kw_only=True):
    """Prices by currency; `sale` is empty, or takes their place. `appeal` weighs how often it is looked at."""

    id: str
    slug: str
    name: str
    category: str
    brand: str
    line: str
    description: str
    prices: dict[str, Decimal]
    sale: dict[str, Decimal]
    choice: str
    variants: tuple[Variant, ...]
    appeal: int

    @property
    def in_stock(self) -> bool:
        return any(variant.in_stock for variant in self.variants)

    @property
    def path(self) -> str:
        return f"p/{self.id}-{self.slug}"

    def list_price(self, currency: str, variant: Variant | None = None) -> Decimal:
        """What it costs outside of any sale."""
        return self.prices[currency] + _extra(variant, currency)

    def price(self, currency: str, variant: Variant | None = None) -> Decimal:
        """What it costs now."""
        return self.sale.get(currency, self.prices[currency]) + _extra(variant, currency)


class _Catalogue(Struct, frozen=True, forbid_unknown_fields=True):
    categories: tuple[Category, ...]
    products: tuple[Product, ...]


_LISTED = msgspec.json.decode((Path(__file__).parent / "catalogue.json").read_bytes(), type=_Catalogue)
CATEGORIES = {category.id: category for category in _LISTED.categories}
PRODUCTS = {product.id: product for product in _LISTED.products}
VARIANTS = {variant.id: (product, variant) for product in _LISTED.products for variant in product.variants}


def listed(category: str | None = None) -> list[Product]:
    """The products of a category, or all."""
    return [product for product in PRODUCTS.values() if category in (None, product.category)]


def find(words: str) -> list[Product]:
    """Products that hold every one of the words, those that hold them in their name first. No words find nothing."""
    wanted = words.casefold().split()
    if not wanted:
        return []
    found = [product for product in PRODUCTS.values() if all(word in _text(product) for word in wanted)]
    return sorted(found, key=lambda product: not all(word in product.name.casefold() for word in wanted))


def money(amount: Decimal, currency: str) -> str:
    """€1,190.00 as a person reads it."""
    return f"{SIGNS[currency]}{amount:,.2f}"


def _extra(variant: Variant | None, currency: str) -> Decimal:
    return variant.extra.get(currency, Decimal(0)) if variant else Decimal(0)


def _text(product: Product) -> str:
    category = CATEGORIES[product.category].name
    return " ".join((product.name, product.line, product.description, product.brand, category)).casefold()
