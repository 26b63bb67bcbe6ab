"""Whether a call may be kept at all, and of a cookieless visitor how much.

What was granted enters as the call carries it; nothing is remembered from one call to the next.
"""

from __future__ import annotations

from hashlib import blake2b

from collector.enrich.arrival import Arrival
from collector.enrich.draft import Draft
from collector.event import CONSENT_CHANGED, Call, ConsentMode, Dropped, Withdrawal

ANALYTICS = "Analytics"
CATEGORY_MAX = 80
SHOWN_MAX = 1_000


def ask_consent(draft: Draft) -> Dropped | None:
    """Drops what a visitor has refused, or on an opt-in site has not allowed; makes a cookieless visitor nameless.

    Calls under the secret key are the shop's own records: dropped only if they carry a refusal.
    """
    preferences, arrival = draft.call.consent, draft.arrival
    if preferences:
        draft.consent = _listed(preferences, True)
        draft.refused = _listed(preferences, False)
    analytics = preferences.get(ANALYTICS) if preferences else None
    if analytics is False:
        return Dropped.CONSENT
    if analytics is True or arrival.server or arrival.site.consent == ConsentMode.OPT_OUT:
        return None
    if arrival.site.consent == ConsentMode.OPT_IN:
        return Dropped.CONSENT
    draft.nameless = True
    draft.visitor = cookieless_visitor(arrival)
    return None


def withdrawal_of(call: Call) -> Withdrawal | None:
    """What a dropped call says of a visitor who wants no more of it; None where it says nothing of the kind."""
    preferences = call.consent or {}
    if (
        call.type != "track"
        or call.name != CONSENT_CHANGED
        or not call.visitor
        or preferences.get(ANALYTICS) is not False
    ):
        return None
    shown = {name: call.properties.get(name) for name in ("text", "language", "version")}
    return Withdrawal(
        visitor=call.visitor,
        time=call.time,
        refused=_listed({name: said for name, said in preferences.items() if len(name) <= CATEGORY_MAX}, False),
        **{name: value[:SHOWN_MAX] for name, value in shown.items() if isinstance(value, str)},
    )


def _listed(preferences: dict[str, bool], said: bool) -> str:
    return ",".join(sorted([category for category, granted in preferences.items() if granted is said]))


def cookieless_visitor(arrival: Arrival) -> str:
    """An id that holds for one site and for the life of one salt: 'c-' and 32 hex digits.

    The same idea as Plausible's: hash(daily salt + site + address + user agent), https://plausible.io/data-policy.
    """
    parts = (arrival.site.name, arrival.address, arrival.user_agent)
    told_apart = "\0".join(parts).encode("utf-8", "surrogateescape")
    return "c-" + blake2b(told_apart, key=arrival.salt[:64], digest_size=16).hexdigest()
