"""What staff do on a customer's page: take a device or an id away, write a note, log a contact.

What enters: a form. What leaves: what will happen, asked before it does; then the customer's page, which says what did.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from collector.enrich.arrival import Arrival
from collector.errors import Misuse, NotFound
from collector.event import Site
from collector.ingest.acceptance import accept
from collector.store import Outcome, Store
from collector.store.audit import Act
from collector.store.dossier import Dossier
from collector.store.keys import Key, Kind, read_key
from collector.web import asked, everything
from collector.web.asked import KeyRoute
from collector.web.console import evidence
from collector.web.console.chronicle import device_name
from collector.web.console.customer import called
from collector.web.console.customers import ROOM, address
from collector.web.console.page import HEADERS, link, render
from collector.web.console.remarks import messages
from collector.web.console.session import Session, now_ms, posted, signed_in
from collector.web.customers import erase as erase_person
from collector.wire import open_envelope


async def ask_unlink(request: Request) -> Response:
    """What taking a device away will do."""
    dossier = await _dossier(request)
    visitor = asked.text(request, "visitor")
    device = next((each for each in dossier.devices if each.visitor == visitor), None)
    if device is None:
        raise NotFound("this device is not joined to the customer (any more)")
    return _ask(request, dossier, "unlink", device=device, name=device_name(device))


async def unlink(request: Request) -> Response:
    """Take a device away; a later log-in may join it again."""
    session = signed_in(request)
    key, visitor = request.path_params["key"], str(posted(request).get("visitor") or "")
    await request.app.state.writer.run(Store.unlink, key, visitor, now_ms(request))
    await request.app.state.audit.keep(session.actor, Act.UNLINKED, key)
    return await _back(request, key, done="unlinked", visitor=visitor)


async def ask_undo_link(request: Request) -> Response:
    """What taking an id away will do."""
    dossier = await _dossier(request)
    id = asked.text(request, "id")
    linked = next((each for each in dossier.ids if each.key == id and each.why is not None), None)
    if linked is None:
        raise NotFound("this id is not linked to the customer (any more)")
    return _ask(request, dossier, "undo-link", linked=linked)


async def undo_link(request: Request) -> Response:
    """Take an id away; it may become a customer of its own."""
    session = signed_in(request)
    key, id = request.path_params["key"], str(posted(request).get("id") or "")
    await request.app.state.writer.run(Store.undo_link, key, id, now_ms(request))
    await request.app.state.audit.keep(session.actor, Act.UNDID, key)
    return await _back(request, key, done="undone", id=id)


async def hand_over(request: Request) -> Response:
    """Everything held about this person, as a file: JSON, or a page to read."""
    session = signed_in(request)
    key, suffix = request.path_params["key"], asked.word(request, "format", ("json", "html"), "html")
    await request.app.state.writer.settle()
    store: Store = request.app.state.store
    found = await asyncio.to_thread(store.everything, key, now_ms(request))
    body = await asyncio.to_thread(everything.as_json if suffix == "json" else everything.as_page, found)
    await request.app.state.audit.keep(session.actor, Act.HANDED_OVER, key)
    named = {"content-disposition": f'attachment; filename="everything.{suffix}"'}
    kind = "application/json" if suffix == "json" else "text/html; charset=utf-8"
    return Response(body, media_type=kind, headers=HEADERS | named)


async def ask_erase(request: Request) -> Response:
    """What erasing will do."""
    return _ask(request, await _dossier(request), "erase")


async def erase(request: Request) -> Response:
    """Take everything about this person out, for good; then tell of it by its receipt."""
    session, key = signed_in(request), request.path_params["key"]
    if posted(request).get("sure") != "yes":
        raise Misuse("nothing was erased: tick the box first")
    receipt = await erase_person(request.app.state, key, now_ms(request))
    await request.app.state.audit.keep(session.actor, Act.ERASED, key)
    site = session.site.name if session.site else None
    return RedirectResponse(link(site, ROOM, erased=receipt.hash), 303)


async def add_remark(request: Request) -> Response:
    """A note or a contact, and maybe a follow-up: into the log, the way of every call."""
    session, dossier, form = signed_in(request), await _dossier(request), posted(request)
    whom = read_key(dossier.key)
    fields = (str(form.get(name) or "") for name in ("kind", "text", "due", "id"))
    body = msgspec.json.encode({"batch": messages(whom, *fields)})
    arrival = Arrival(site=_site(session, dossier, whom), server=True, address="", user_agent="")
    entries = accept(open_envelope(body, None), arrival, now_ms(request))
    outcomes = await request.app.state.writer.submit(entries, len(body), exact=True)
    if not all(outcome in (Outcome.STORED, Outcome.DUPLICATE) for outcome in outcomes):
        raise Misuse("this could not be kept: it holds something that no call may")
    await request.app.state.audit.keep(session.actor, Act.NOTED, dossier.key)
    return await _back(request, dossier.key, done="kept")


def _site(session: Session, dossier: Dossier, whom: Key) -> Site:
    """Where a remark is kept: the chosen site, else the one of the newest event; of those that share the id's space."""
    fitting = [site for site in session.sites if whom.kind is not Kind.USER or site.ids == whom.space]
    wanted = [session.site.name if session.site else "", dossier.site]
    chosen = next((site for name in wanted for site in fitting if site.name == name), fitting[0] if fitting else None)
    if chosen is None:
        raise Misuse("no site is left to which this customer's id belongs")
    return chosen


async def _dossier(request: Request) -> Dossier:
    signed_in(request)
    await request.app.state.writer.settle()
    store: Store = request.app.state.store
    found = await asyncio.to_thread(store.dossier, request.path_params["key"])
    if found is None:
        raise NotFound("there is no such customer")
    return found


def _ask(request: Request, dossier: Dossier, act: str, **shown: Any) -> Response:
    return render(
        request,
        "customer_act.html",
        act=act,
        customer=dossier,
        called=called(dossier),
        page=address(dossier.key),
        evidence=evidence,
        **{"device": None, "linked": None, "name": "", **shown},
    )


async def _back(request: Request, key: str, **said: str) -> Response:
    """To the customer's page; to the list where there is nobody left."""
    session = signed_in(request)
    await request.app.state.writer.settle()
    store: Store = request.app.state.store
    left = await asyncio.to_thread(store.dossier, key)
    site = session.site.name if session.site else None
    where = link(site, address(left.key), **said) if left else link(site, ROOM)
    return RedirectResponse(where + ("#said" if left else ""), 303)


routes: list[BaseRoute] = [
    KeyRoute(f"{ROOM}/{{key}}/unlink", ask_unlink, methods=["GET"]),
    KeyRoute(f"{ROOM}/{{key}}/unlink", unlink, methods=["POST"]),
    KeyRoute(f"{ROOM}/{{key}}/undo-link", ask_undo_link, methods=["GET"]),
    KeyRoute(f"{ROOM}/{{key}}/undo-link", undo_link, methods=["POST"]),
    KeyRoute(f"{ROOM}/{{key}}/everything", hand_over, methods=["GET"]),
    KeyRoute(f"{ROOM}/{{key}}/erase", ask_erase, methods=["GET"]),
    KeyRoute(f"{ROOM}/{{key}}/erase", erase, methods=["POST"]),
    KeyRoute(f"{ROOM}/{{key}}/remarks", add_remark, methods=["POST"]),
]
