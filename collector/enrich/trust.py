"""How far a call's word about a person is believed: by its key, or by the identity token that it carries.

Judged at the call's `received`, never at the wall clock, so that it comes out the same whenever it is judged again.
"""

from __future__ import annotations

import math
from functools import lru_cache
from importlib import import_module
from typing import Any

from collector.enrich.draft import Draft
from collector.event import IdentityMode, Trust

# PyJWT judges times by the wall clock, so it is asked for the signature, the audience and the presence of the rest.
_OPTIONS: Any = {
    "require": ["sub", "aud", "exp"],
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
}
# "not before" is written by the shop's clock, which need not agree with ours to the second.
_CLOCKS_APART_S = 60


def judge_trust(draft: Draft) -> None:
    """Fills in the trust. A token counts only for the user id that the call names."""
    if draft.arrival.server:
        draft.trust = Trust.SERVER
    elif _is_signed(draft):
        draft.trust = Trust.SIGNED
    elif draft.arrival.site.identity == IdentityMode.SIGNED and _claims_somebody(draft):
        draft.trust = Trust.CLAIMED


def _claims_somebody(draft: Draft) -> bool:
    """Who names an order claims to be whom the back end will say that it is of; its number can be guessed."""
    return bool(draft.user or draft.email or draft.call.properties.get("order_id"))


def _is_signed(draft: Draft) -> bool:
    token, site = draft.call.token, draft.arrival.site
    # An empty key would sign for anybody.
    if not token or not draft.user or not site.identity_key:
        return False
    claims = _claims(token, site.identity_key, site.name)
    if claims is None or claims["sub"] != draft.user:
        return False
    received_s = draft.call.received / 1000
    expires, begins = claims["exp"], claims.get("nbf", 0)
    if not (_is_time(expires) and _is_time(begins)):
        return False
    return bool(begins - _CLOCKS_APART_S <= received_s < expires)


@lru_cache(1024)
def _claims(token: str, key: str, audience: str) -> dict[str, Any] | None:
    # It brings cryptography along where that is installed, 10 to 20 MB: only a collector that sees tokens pays for it.
    jwt = import_module("jwt")
    try:
        claims: dict[str, Any] = jwt.decode(token, key, algorithms=["HS256"], audience=audience, options=_OPTIONS)
        return claims
    except (jwt.PyJWTError, RecursionError, UnicodeError):
        # A header is JSON that is read before the signature and may be nested at will; an older PyJWT lets that out.
        return None


def _is_time(value: object) -> bool:
    return isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
