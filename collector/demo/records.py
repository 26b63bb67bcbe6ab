"""The demo shop's records: accounts, orders, and what it remembers of a browser. Plain frozen values.

Times are ms since 1970 (UTC). They know neither the file that keeps them nor the pages that change them.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from collector.demo.basket import Basket


class Details(Struct, frozen=True):
    """Whom and where to send to."""

    email: str
    first_name: str
    last_name: str
    phone: str = ""
    address: str = ""
    postcode: str = ""
    city: str = ""
    country: str = ""


class Account(Struct, frozen=True, kw_only=True):
    """`id` is the user id that Footfall hears of; `password` is salted and hashed."""

    id: str
    details: Details
    password: str
    at: int


class Sold(Struct, frozen=True, kw_only=True):
    """An order. `account` is '' for a guest; `status` is paid, shipped, delivered, cancelled or refunded."""

    id: str
    basket: Basket
    details: Details
    account: str
    at: int
    status: str = "paid"
    thumb: str = ""


class Session(Struct, frozen=True, kw_only=True):
    """What the shop remembers of one browser. `calls` wait to be told by the next page, `notice` to be shown on it."""

    basket: Basket = Basket()
    cart_id: str = ""
    checkout_id: str = ""
    details: Details | None = None
    account: str = ""
    orders: tuple[str, ...] = ()
    calls: tuple[list[Any], ...] = ()
    notice: str = ""
