"""Which column of a customer or order file is which field: the spellings of Shopify, WooCommerce and plain exports.

`--map column=field` takes the place of all of them for its field. What no field wants can be named, so that the
reader can be told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from collector.errors import Misuse
from collector.sources.rows import column_key

Columns = Mapping[str, tuple[str, ...]]

PERSON = {
    "user_id": "user_id customer_id customer_user customer_number",
    "email": "email e_mail email_address mail customer_email billing_email user_email",
    "created_at": "created_at created date_created date_created_gmt registered date_registered user_registered",
    "updated_at": "updated_at updated date_modified modified_at last_modified",
}
CUSTOMER = PERSON | {
    "user_id": PERSON["user_id"] + " id uid",
    "created_at": PERSON["created_at"] + " customer_since signup_date sign_up_date",
    "first_name": "first_name firstname given_name billing_first_name",
    "last_name": "last_name lastname family_name surname billing_last_name",
    "name": "name full_name display_name customer_name",
    "phone": "phone telephone mobile phone_number billing_phone default_address_phone",
    "company": "company billing_company default_address_company",
    "city": "city billing_city default_address_city",
    "country": "country country_code billing_country default_address_country_code",
    "language": "language locale",
}
ORDER = PERSON | {
    "order_id": "order_id order_number number name order id",
    "created_at": PERSON["created_at"] + " order_date processed_at paid_at date",
    "total": "total order_total grand_total total_price amount",
    "currency": "currency currency_code order_currency",
    "status": "status order_status financial_status",
    "cancelled_at": "cancelled_at canceled_at",
    "refunded": "refunded refunded_amount refund_amount refund_total total_refunded amount_refunded",
    "coupon": "coupon coupons coupon_code coupon_codes discount_code promo_code",
    "shipping": "shipping shipping_total total_shipping shipping_amount",
    "tax": "tax taxes total_tax tax_total tax_amount",
    "discount": "discount discount_amount discount_total total_discounts",
    "affiliation": "affiliation location store source_name",
    "products": "products line_items items",
}
LINE = {
    "product_id": "product_id lineitem_product_id item_product_id",
    "variant_id": "variant_id variation_id lineitem_variant_id",
    "sku": "sku lineitem_sku product_sku item_sku",
    "name": "lineitem_name product_name item_name product title",
    "quantity": "quantity qty lineitem_quantity item_quantity",
    "price": "price unit_price lineitem_price product_price item_price item_cost",
    "discount": "lineitem_discount line_discount item_discount",
}
IDS = {"customers": ("user_id", "email"), "orders": ("order_id",)}
CLOSE = 0.7
KINDS = {"customers": CUSTOMER, "orders": ORDER | {f"line.{field}": names for field, names in LINE.items()}}


def columns_of(kind: str, overrides: Iterable[str] = ()) -> Columns:
    """The columns that may hold each field, best first. `overrides` are `column=field`; a new field is kept as it is.

    A line's fields in an order file are `line.sku` and the like. Misuse for another kind or a broken override.
    """
    if kind not in KINDS:
        raise Misuse(f"{kind!r} cannot be imported; it is one of {', '.join(KINDS)}")
    columns = {field: tuple(names.split()) for field, names in KINDS[kind].items()}
    mapped: dict[str, tuple[str, ...]] = {}
    for override in overrides:
        column, _, field = (part.strip() for part in override.partition("="))
        if not column or not field:
            raise Misuse(f"--map {override!r} is not column=field")
        mapped[field] = (*mapped.get(field, ()), column_key(column))
    taken = {name for names in mapped.values() for name in names}
    return {field: tuple(name for name in names if name not in taken) for field, names in columns.items()} | mapped


def new_fields(kind: str, columns: Columns) -> dict[str, str | None]:
    """The fields of `columns` that Footfall does not know, each with the known one that may be meant.

    They are kept as they are: a person's are traits, an order's and its lines' are properties.
    """
    known = known_fields(kind)
    close = {field: get_close_matches(field, known, 1, CLOSE) for field in columns if field not in known}
    return {field: found[0] if found else None for field, found in close.items()}


def known_fields(kind: str) -> list[str]:
    """The fields that mean something to Footfall."""
    return [*KINDS[kind], *(["sold_via"] if kind == "orders" else [])]


def has_an_id(kind: str, names: Iterable[str], columns: Columns) -> bool:
    """Whether one of the columns with these names may say whom, or which order, a row is about."""
    wanted = {name for field in IDS[kind] for name in columns[field]}
    return not wanted.isdisjoint(names)


def pick(cells: Mapping[str, Any], columns: Columns) -> dict[str, Any]:
    """The first filled cell of each field."""
    found = {}
    for field, names in columns.items():
        filled = next((cells[name] for name in names if cells.get(name) not in (None, "")), None)
        if filled is not None:
            found[field] = filled
    return found


def unused(cells: Iterable[str], columns: Columns) -> list[str]:
    """The names of columns that no field wants: they are not brought in, and the reader should be told so."""
    wanted = {name for names in columns.values() for name in names}
    return [name for name in cells if name not in wanted]
