"""Who may read: bearer tokens and their scopes, and who is signed in to the console. All else is denied.

What enters: a request and the scope that it needs. What leaves: nothing, or `Denied`.
Of a token only the hash is known here, and it is looked up by that hash, so that timing tells nothing of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from starlette.requests import Request

from collector.ingest.keys import LOOK_AGAIN_S, secret_hash
from collector.store import Token
from collector.web.failure import Denied

SCOPES = ("read", "export", "admin")
# What a scope lets pass beside itself.
IMPLIED = {"admin": frozenset(SCOPES)}


class Passes:
    """The tokens that are valid now, held in memory.

    One that is not known is looked for again by `read`, seldom enough that guessing costs nothing: the command line may
    have made it a moment ago.
    """

    def __init__(
        self, read: Callable[[], Iterable[Token]] = tuple, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._read = read
        self._clock_s = clock_s
        self._read_at_s = -LOOK_AGAIN_S
        self._scopes: dict[str, frozenset[str]] = {}

    def replace(self, tokens: Iterable[Token]) -> None:
        """From now on these are the tokens; the revoked ones among them open nothing."""
        self._scopes = {
            token.hash: frozenset().union(*(IMPLIED.get(scope, {scope}) for scope in token.scopes))
            for token in tokens
            if token.revoked is None
        }

    def scopes(self, token: str) -> frozenset[str] | None:
        """What a token may do; None where it is none."""
        sought = secret_hash(token)
        if sought not in self._scopes and self._clock_s() - self._read_at_s >= LOOK_AGAIN_S:
            self._read_at_s = self._clock_s()
            self.replace(self._read())
        return self._scopes.get(sought)


def authorise(request: Request, scope: str) -> None:
    """Raises Denied: 401 where the request bears no valid token, 403 where its token has not this scope.

    A session of the console, which its guard has found and judged, may do what the scopes may.
    """
    if getattr(request.state, "session", None) is not None:
        return
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    passes: Passes = request.app.state.passes
    scopes = passes.scopes(token.strip()) if scheme.lower() == "bearer" else None
    if scopes is None:
        raise Denied(401, "unauthorised", "this needs Authorization: Bearer with a valid token")
    if scope not in scopes:
        raise Denied(403, "forbidden", f"this needs a token with the scope {scope}")
