"""A believable quarter."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from collector.demo.books import Account, Sold


class Sent(Struct, frozen=True, kw_only=True):
    """One request of the past: when it was received, under which key, from what, with which messages."""

    received: int
    server: bool
    messages: list[dict[str, Any]]
    user_agent: str = ""
    address: str = ""


class Past(Struct, frozen=True):
    """The requests in order of arrival, and what the shop's own books say by then."""

    sent: list[Sent]
    accounts: list[Account]
    orders: list[Sold]


def quarter(visitors: int, seed: int, now: int, url: str) -> Past:
    return Past([], [], [])
