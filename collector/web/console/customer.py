"""The room Customer: one person's story for whoever has that person on the phone; or one anonymous visitor's.

What enters: a key, filters, a cursor. What leaves: the page. What staff do there is `customer_acts`' affair.
"""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from collector.errors import Misuse, NotFound
from collector.event import VISIT_GAP_MS
from collector.store import ActivityQuery, Store
from collector.store.audit import Act
from collector.store.dossier import EVENTS_COUNTED_MAX, LOOKED_BACK_MAX, Dossier, Moment, Story
from collector.web import asked
from collector.web.asked import KeyRoute
from collector.web.console import evidence
from collector.web.console.chronicle import chronicle, device_name, device_names
from collector.web.console.customers import ROOM, address
from collector.web.console.page import link, render
from collector.web.console.remarks import CHANNELS, follow_up_of, read_remark
from collector.web.console.session import Session, now_ms, signed_in
from collector.web.console.telling import TRACKED, tell
from collector.web.settled import read_settled
from collector.web.times import read_bound

DEVICES_SHOWN = 5
PURCHASES_SHOWN = 3
SAID_FOR_MS = 600_000
TRAIT_MAX = 300


async def show(request: Request) -> Response:
    """The page of a customer, or of a visitor; a former key leads on to the present one."""
    session = signed_in(request)
    key, query = request.path_params["key"], _query(request, session)
    store: Store = request.app.state.store
    dossier, story, names = await read_settled(request.app.state, key, _look_up, store, key, query)
    if dossier is None or story is None:
        raise NotFound("there is no such customer: nobody bears this id, or all about them was erased")
    if dossier.key != key:
        here = link(session.site.name if session.site else None, address(dossier.key))
        return RedirectResponse(here, 307)
    request.app.state.audit.note(session.actor, Act.LOOKED_UP, dossier.key)
    said = await asyncio.to_thread(_said, store, request, dossier)
    return render(request, "customer.html", said=said, **_shown(request, session, dossier, story), names=names)


def _look_up(store: Store, key: str, query: ActivityQuery) -> tuple[Dossier | None, Story | None, list[str]]:
    dossier = store.dossier(key)
    if dossier is None or dossier.key != key:
        return dossier, Story([], None, {}, frozenset()), []
    return dossier, store.story(key, query), store.event_names(key)


def _query(request: Request, session: Session) -> ActivityQuery:
    """Whole days in the page's zone, the last one included. Raises Misuse."""
    first, last = asked.text(request, "from"), asked.text(request, "to")
    until = asked.text(request, "until")
    start = read_bound(first, session.zone) if first else None
    end = read_bound(_day_after(last), session.zone) if last else None
    if until is not None:
        if not (until.isascii() and until.isdigit() and len(until) < 16):
            raise Misuse("until must be a number of milliseconds")
        end = int(until) + 1
    return ActivityQuery(
        limit=asked.limit(request),
        cursor=asked.text(request, "cursor"),
        event=asked.text(request, "event"),
        visitor=asked.text(request, "device"),
        start=start,
        end=end,
    )


def _day_after(day: str) -> str:
    try:
        return (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    except (ValueError, OverflowError) as error:
        raise Misuse(f"{day!r} is not a date like 2026-05-01") from error


def _shown(request: Request, session: Session, dossier: Dossier, story: Story) -> dict[str, Any]:
    names = device_names(dossier.devices)
    remarks = [read_remark(moment) for moment in dossier.remarks]
    now = now_ms(request)
    filters = {name: asked.text(request, name) for name in ("event", "device", "from", "to")}
    return {
        "customer": dossier,
        "called": called(dossier),
        "is_visitor": dossier.kind == "visitor",
        "address": address,
        "page": address(dossier.key),
        "visits": chronicle(story, names),
        "next": story.next,
        "filters": filters,
        "filtered": any(filters.values()) or asked.text(request, "until") is not None,
        "first": asked.text(request, "cursor") is None,
        "device_names": names,
        "device_name": device_name,
        "devices_shown": DEVICES_SHOWN,
        "purchases_shown": PURCHASES_SHOWN,
        "counted_max": EVENTS_COUNTED_MAX,
        "looked_back_max": LOOKED_BACK_MAX,
        "cart_items": dossier.cart.items(),
        "cart_is_left": dossier.cart.changed is not None and now - dossier.cart.changed >= VISIT_GAP_MS,
        "traits": [(name, _trait(value)) for name, value in dossier.traits.items()],
        "remarks": remarks,
        "follow_up": follow_up_of(remarks, now, session.zone),
        "channels": CHANNELS,
        "new_id": str(uuid4()),
        "evidence": evidence,
        "tell": _tell,
    }


def _tell(moment: Moment) -> str:
    """What a trouble's call says; the shop's own kinds of trouble have their name above it already."""
    says = tell(moment.type, moment.name, moment.properties, url=moment.url, title=moment.title)
    return says if moment.name in TRACKED else says.partition("” (")[2].removesuffix(")") or "the call"


def called(dossier: Dossier) -> str:
    """What a person would call a customer; of a visitor the beginning of its id."""
    if dossier.kind == "visitor":
        id = dossier.key.removeprefix("visitor:")
        return f"Visitor {id if len(id) <= 12 else id[:8] + '…'}"
    return dossier.name or dossier.email or dossier.key


def _trait(value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= TRAIT_MAX else text[:TRAIT_MAX] + "…"


def _said(store: Store, request: Request, dossier: Dossier) -> dict[str, Any] | None:
    """What an act did that led here, read from what is now so: an address that somebody made up says nothing."""
    done, now = asked.text(request, "done"), now_ms(request)
    visitor, id = asked.text(request, "visitor"), asked.text(request, "id")
    if done == "unlinked" and visitor:
        at = store.unlinked_at(dossier.key, visitor)
        if at is not None and now - at < SAID_FOR_MS:
            left = store.dossier(f"visitor:{visitor}")
            return {"what": done, "visitor": visitor, "devices": left.devices if left else ()}
    if done == "undone" and id:
        at = store.undone_at(dossier.key, id)
        if at is not None and now - at < SAID_FOR_MS:
            other = store.dossier(id)
            return {"what": done, "id": id, "other": other.key if other else None}
    newest = dossier.remarks[0].time if dossier.remarks else None
    if done == "kept" and newest is not None and now - newest < SAID_FOR_MS:
        return {"what": done}
    return None


routes: list[BaseRoute] = [KeyRoute(f"{ROOM}/{{key}}", show, methods=["GET"])]
