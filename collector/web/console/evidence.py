"""Evidence in plain words: why a device or an id is a customer's, and how surely.

What enters: the words of the read models. What leaves: sentences that somebody at a support desk understands.
"""

from __future__ import annotations

WHY_JOINED = {
    "identify": "a call named this customer there (log-in or form)",
    "signed_in": "this customer logged in there",
    "signed_up": "this customer made the account there",
    "user_id": "a call from there carried this customer's user id",
    "order": "an order from there named this customer",
    "order_match": "the back end says whose an order from there was",
    "alias": "the back end joined that visitor with this customer",
}
WHY_LINKED = {
    "identify": "given together in one call",
    "signed_in": "given together at a log-in",
    "signed_up": "given together when the account was made",
    "alias": "joined by the back end",
}
STRENGTHS = {
    "server": ("told by the server", "good"),
    "signed": ("signed", "good"),
    "browser": ("told by a browser", ""),
    "claimed": ("claimed by a browser", "warn"),
}


def why_joined(why: str) -> str:
    """Why a span of a device is a customer's."""
    return WHY_JOINED.get(why, why)


def why_linked(why: str | None) -> str:
    """Why an id is a customer's, beside the one that is its key."""
    return "the key that everything is kept under" if why is None else WHY_LINKED.get(why, why)


def strength(word: str) -> tuple[str, str]:
    """(words, kind of badge)."""
    return STRENGTHS.get(word, (word, ""))
