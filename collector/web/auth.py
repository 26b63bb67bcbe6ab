"""Who may read: bearer tokens and their scopes, and who is signed in to the console. All else is denied.

What enters: a request and the scope that it needs. What leaves: nothing, or `Denied`.
Of a token only the hash is known here, and it is looked up by that hash, so that timing tells nothing of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from msgspec import Struct
from starlette.requests import Request

from collector.ingest.keys import LOOK_AGAIN_S, secret_hash
from collector.store import Token
from collector.store.audit import Actor, By
from collector.web.failure import Denied
from collector.web.roles import SCOPE_FOR, Duty, duties_of

USED_EVERY_MS = 60_000


class Pass(Struct, frozen=True):
    """A token that is valid: whose it is and what it may do."""

    hash: str
    name: str
    duties: frozenset[Duty]


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
        self._passes: dict[str, Pass] = {}
        self._told: dict[str, int] = {}
        self._used: dict[str, int] = {}

    def replace(self, tokens: Iterable[Token]) -> None:
        """From now on these are the tokens; the revoked ones among them open nothing."""
        valid = [token for token in tokens if token.revoked is None]
        self._passes = {token.hash: Pass(token.hash, token.name, duties_of(token.scopes)) for token in valid}

    def find(self, token: str) -> Pass | None:
        """What a token opens; None where it is none."""
        sought = secret_hash(token)
        if sought not in self._passes and self._clock_s() - self._read_at_s >= LOOK_AGAIN_S:
            self._read_at_s = self._clock_s()
            self.replace(self._read())
        return self._passes.get(sought)

    def use(self, one: Pass, at: int) -> None:
        """It was used at this time (ms); costs nothing, since it is only told now and then."""
        if at - self._told.get(one.hash, -USED_EVERY_MS) >= USED_EVERY_MS:
            self._used[one.hash] = self._told[one.hash] = at

    def used(self) -> list[tuple[str, int]]:
        """Hashes and times to be kept, each once."""
        used, self._used = self._used, {}
        return [*used.items()]


def authorise(request: Request, duty: Duty) -> Actor:
    """Who asks. Raises Denied: 401 where nobody is known, 403 where they may not.

    A session of the console, which its guard has found and judged, may do what its user's role may.
    """
    session = getattr(request.state, "session", None)
    if session is not None:
        if duty not in session.duties:
            raise Denied(403, "forbidden", f"the role {session.role.value} may not do this")
        actor: Actor = session.actor
        return actor
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    passes: Passes = request.app.state.passes
    found = passes.find(token.strip()) if scheme.lower() == "bearer" else None
    if found is None:
        raise Denied(401, "unauthorised", "this needs Authorization: Bearer with a valid token")
    if duty not in found.duties:
        raise Denied(403, "forbidden", f"this needs a token with the scope {SCOPE_FOR[duty]}")
    passes.use(found, time.time_ns() // 1_000_000)
    return Actor(By.TOKEN, found.name)
