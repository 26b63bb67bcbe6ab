"""Quarantine: what was refused, why, and another try.

What enters: which calls. What leaves: the calls as they came, for people, and what became of those that were replayed.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from urllib.parse import urlencode

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from collector.errors import Misuse
from collector.event import Reason
from collector.ingest.replaying import chosen, replay_through
from collector.ingest.vocabulary import Usage
from collector.store import Outcome, Quarantined, Store
from collector.store.audit import Act
from collector.web.console.page import render
from collector.web.console.session import posted, signed_in

ROOM = "/console/quarantine"
PAGE = 20
SHOWN_CHARS_MAX = 20_000
# Characters that turn the order of what is shown, and halves of characters: in a call that is read for its faults they
# are spelled out.
SPELLED_OUT = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
REASONS: Mapping[Reason, str] = {
    Reason.MALFORMED: "It is not built as a call must be",
    Reason.UNKNOWN_TYPE: "Its type is unknown",
    Reason.MISSING_EVENT: "It does not say which event happened",
    Reason.MISSING_ID: "It names neither a visitor nor a person",
    Reason.BAD_USER_ID: "Its user id names nobody",
    Reason.BAD_TIMESTAMP: "Its time cannot be read",
    Reason.TOO_OLD: "It came more than 7 days late",
    Reason.TOO_LARGE: "It is too large",
    Reason.TOO_MANY_PROPERTIES: "It has too many properties",
    Reason.TOO_MANY_PRODUCTS: "It has too many product lines",
    Reason.PRODUCT_TOO_LARGE: "One of its product lines is too large",
    Reason.TOO_DEEP: "It is nested too deeply",
    Reason.STRING_TOO_LONG: "One of its texts is too long",
    Reason.TOO_MANY_NAMES: "It uses a name that would be one too many",
}


class Shown(Struct, frozen=True):
    """A refused call for people: `text` is the call, pretty-printed where it can be; `cut` says that more is kept."""

    call: Quarantined
    reason: str
    name: str
    text: str
    cut: bool


async def show(request: Request) -> Response:
    """Refused calls, newest first."""
    session, store = signed_in(request), request.app.state.store
    site, reason = session.site.name if session.site else None, _reason(request.query_params.get("reason"))
    before = _number(request.query_params.get("before"))
    calls = await asyncio.to_thread(store.refusals, site, reason, before, PAGE + 1)
    counts: dict[Reason, int] = await asyncio.to_thread(store.refusal_counts, site)
    return render(
        request,
        "quarantine.html",
        shown=[_shown(call) for call in calls[:PAGE]],
        older=calls[PAGE - 1].id if len(calls) > PAGE else None,
        before=before,
        reason=reason,
        reasons=REASONS,
        counts=counts,
        total=counts.get(reason, 0) if reason else sum(counts.values()),
        became={outcome: _number(request.query_params.get(outcome)) or 0 for outcome in Outcome},
        replayed="replayed" in request.query_params,
        crowded=crowded(request, site),
    )


async def replay(request: Request) -> Response:
    """Try the ticked calls again, or all that the filters choose."""
    session, form = signed_in(request), posted(request)
    store: Store = request.app.state.store
    reason = _reason(str(form.get("reason") or ""))
    if form.get("which") == "all":
        site = session.site.name if session.site else None
        refused = await asyncio.to_thread(lambda: list(chosen(store, site, reason)))
    else:
        ids = [number for text in form.getlist("id") if (number := _number(str(text))) is not None]
        refused = await asyncio.to_thread(store.refusals_by_id, ids)
    await request.app.state.audit.keep(session.actor, Act.REPLAYED, "quarantine")
    became = await replay_through(request.app.state.writer, store, refused)
    told = {"replayed": len(refused), **{outcome.value: became[outcome] for outcome in Outcome if became[outcome]}}
    kept = {"site": session.site.name if session.site else None, "reason": reason}
    return RedirectResponse(f"{ROOM}?{urlencode({**{k: v for k, v in kept.items() if v}, **told})}", 303)


def crowded(request: Request, site: str | None) -> list[Usage]:
    """Sites whose calls use nearly as many names as they may."""
    usage: list[Usage] = request.app.state.vocabulary.usage()
    return [one for one in usage if one.is_near and site in (None, one.site)]


def _shown(call: Quarantined) -> Shown:
    text, name = call.raw.decode("utf-8", "replace"), ""
    try:
        message = json.loads(text)
        text = json.dumps(message, indent=2, ensure_ascii=False)
        if isinstance(message, dict):
            name = str(message.get("event") or message.get("type") or "")[:100]
    except (ValueError, RecursionError):
        pass
    name, shown = (SPELLED_OUT.sub(_spelled, each) for each in (name, text[:SHOWN_CHARS_MAX]))
    return Shown(call, REASONS[call.reason], name, shown, len(text) > SHOWN_CHARS_MAX)


def _spelled(found: re.Match[str]) -> str:
    return f"\\u{ord(found.group()):04x}"


def _reason(text: str | None) -> Reason | None:
    """Raises Misuse."""
    try:
        return Reason(text) if text else None
    except ValueError as error:
        raise Misuse("there is no such reason") from error


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else None


routes: list[BaseRoute] = [
    Route(ROOM, show, methods=["GET"]),
    Route(f"{ROOM}/replay", replay, methods=["POST"]),
]
