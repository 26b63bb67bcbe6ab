"""The channels: a closed set of words for how a visitor came."""

from __future__ import annotations

from enum import StrEnum


class Channel(StrEnum):
    """`internal` is a page of the same shop; `referral` any other page, or a tagged link of a kind not listed."""

    DIRECT = "direct"
    SEARCH = "search"
    SOCIAL = "social"
    EMAIL = "email"
    PAID = "paid"
    REFERRAL = "referral"
    INTERNAL = "internal"
    AI = "ai"
