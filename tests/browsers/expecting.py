"""The one verb of the browser tests: do this on the page, expect these calls, refute those.

A call is told by the part of it that matters: a dict whose every member the call must hold too. What arrived is what
the collector acknowledged, whichever request it came in.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from browsers.engines import BrowserFault
from browsers.relay import Relay

ARRIVE_S_MAX = 20
QUIET_S = 0.5  # longer than the snippet gathers calls

# It comes when a page is left that was looked at for a second: only a test that names it hears of it.
PAGE_LEFT = "Page Left"

Told = dict[str, Any]


def page(path: str, **page: Any) -> Told:
    """A page view of this path; `title`, `referrer`, `search` where they matter."""
    return {"type": "page", "context": {"page": {"path": path, **page}}}


def track(event: str, **properties: Any) -> Told:
    return {"type": "track", "event": event} | ({"properties": properties} if properties else {})


def identify(user: str | None, **traits: Any) -> Told:
    return {"type": "identify"} | ({"userId": user} if user else {}) | ({"traits": traits} if traits else {})


def holds(call: Any, told: Any) -> bool:
    """Whether all that is told of a call is so."""
    if isinstance(told, dict):
        return isinstance(call, dict) and all(name in call and holds(call[name], told[name]) for name in told)
    return bool(call == told)


def expect(
    relay: Relay, when: Callable[[], object], calls: Sequence[Told] = (), refute: Sequence[Told] | None = None
) -> list[Told]:
    """Do something; all `calls` arrive in this order, and then, until the line is quiet, none of `refute` (`[{}]`: no
    other at all). Gives the calls that arrived, those told of first.
    """
    before = {call["messageId"] for call in relay.calls()}
    when()

    def arrived() -> list[Told]:
        return [call for call in relay.calls() if call["messageId"] not in before]

    found: list[Told] = wait_for(
        lambda: in_order(arrived(), calls), lambda: f"expected {told(calls)}\narrived {told(arrived())}"
    )
    if refute is None:
        return found
    quiet(relay)
    named = PAGE_LEFT in json.dumps(list(refute))
    others = [call for call in arrived() if call not in found and (named or call.get("event") != PAGE_LEFT)]
    unwanted = [call for call in others if any(holds(call, one) for one in refute)]
    assert not unwanted, f"expected {told(calls)} and none of {told(refute)}\narrived besides {told(unwanted)}"
    return found + others


def in_order(arrived: list[Told], calls: Sequence[Told]) -> list[Told] | None:
    """The first calls that answer to what is told, one for each; None where one is missing."""
    found: list[Told] = []
    rest = iter(arrived)
    for one in calls:
        match = next((call for call in rest if holds(call, one)), None)
        if match is None:
            return None
        found.append(match)
    return found


def wait_for(question: Callable[[], Any], otherwise: Callable[[], str], seconds: float = ARRIVE_S_MAX) -> Any:
    """What `question` answers as soon as that is neither None nor False. A page that is changing is asked again."""
    deadline = time.monotonic() + seconds
    while True:
        with suppress(BrowserFault):
            answer = question()
            if answer is not None and answer is not False:
                return answer
        assert time.monotonic() < deadline, otherwise()
        time.sleep(0.02)


def quiet(relay: Relay) -> None:
    """Until nothing new has passed for a while."""
    passed, since = len(relay.exchanges), time.monotonic()
    while time.monotonic() - since < QUIET_S:
        time.sleep(0.05)
        if len(relay.exchanges) != passed:
            passed, since = len(relay.exchanges), time.monotonic()


def told(calls: Sequence[Told]) -> str:
    """For a person to read."""
    return json.dumps([_brief(call) for call in calls], indent=1)


def _brief(call: Told) -> Told:
    context = call.get("context", {})
    kept = {name: call[name] for name in ("type", "event", "userId", "properties", "traits") if name in call}
    return kept | ({"page": context["page"]} if "page" in context else {})
