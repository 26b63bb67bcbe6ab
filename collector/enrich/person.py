"""Whom a call names: a user id, an e-mail address, a former id, or staff at work.

It says what the call says. What follows from it, for which visitor and since when, is for `identity` to find out.
"""

from __future__ import annotations

from typing import Any

from collector.enrich.draft import Draft
from collector.enrich.email_address import normalise_email
from collector.event import Call

# What shops put into properties and traits to say who somebody is.
_PERSONAL = frozenset({
    "email", "phone", "first_name", "last_name", "firstName", "lastName", "username", "birthday", "address",
    "billing_address", "shipping_address", "customer", "customer_id", "user_id", "userId",
})  # fmt: skip
_TRAITS = frozenset({"identify", "group"})
_MAY_NAME_BY_EMAIL = frozenset({"identify", "track"})


def name_person(draft: Draft) -> None:
    """Fills in who is named; of a nameless visitor takes out what would name one."""
    call = draft.call
    if draft.nameless:
        draft.properties = impersonal(call)
        draft.context = {}
        return
    draft.user = call.user
    draft.email = email_of(call)
    if draft.email is None and call.user is None and call.visitor is None:
        draft.email = _only_address(call)
    if call.type == "alias":
        draft.previous = call.previous
    draft.staff = draft.arrival.server and is_staff(call.actor)


def email_of(call: Call) -> str | None:
    """The address that an identify call's traits or a track call's properties give, normalised."""
    address = call.properties.get("email") if call.type in _MAY_NAME_BY_EMAIL else None
    return normalise_email(address) if isinstance(address, str) else None


def _only_address(call: Call) -> str | None:
    """Of a back end's call that names nobody otherwise: the address that it was taken for, wherever it stands."""
    traits = call.context.get("traits")
    given = (call.properties.get("email"), traits.get("email") if isinstance(traits, dict) else None)
    return next((found for each in given if isinstance(each, str) and (found := normalise_email(each))), None)


def is_staff(actor: Any) -> bool:
    """Whether `context.actor` says staff: the word itself, {"type": "staff"} or {"staff": true}."""
    if isinstance(actor, dict):
        return actor.get("type") == "staff" or actor.get("staff") is True
    return isinstance(actor, str) and actor == "staff"


def impersonal(call: Call) -> dict[str, Any]:
    """The call's properties without what names a person: nothing of traits, the rest without the well-known fields."""
    if call.type in _TRAITS:
        return {}
    # `name` is a product's as often as a person's: beside a person's fields it is hers.
    left_out = _PERSONAL if _PERSONAL.isdisjoint(call.properties) else _PERSONAL | {"name"}
    return {name: value for name, value in call.properties.items() if name not in left_out}
