"""Live: what happens in the shop, as it happens. The page shows the last events; the stream adds those that come.

What enters: who asks, which site, how far the page has read. What leaves: rows, and server-sent events until the reader
goes, signs out, or the server stops. What is read, and when, is the broadcast's affair.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from collector.errors import Unavailable
from collector.store import Store
from collector.store.recent import Happening
from collector.web.console import page
from collector.web.console.broadcast import FIRST_MAX, PRESENT_MS, Broadcast, Bulletin, TooMany, Watcher, newest_of
from collector.web.console.customers import address
from collector.web.console.page import render
from collector.web.console.session import Session, now_ms, signed_in
from collector.web.console.strangers import called, came_by, runs_on
from collector.web.console.telling import path_of, tell

# Proxies close what is silent for long; 15 s is less than any of them is known to wait.
HEARTBEAT_S = 15.0
RECHECK_S = 1.0
RETRY_MS = 2_000
ROWS_MAX = 100
# No proxy may hold back or change what should arrive at once.
HEADERS = {**page.HEADERS, "cache-control": "no-store, no-transform", "x-accel-buffering": "no"}


class Row(Struct, frozen=True, kw_only=True):
    """One event as a line. `whose` is the address of whoever did it, `who` what to call them; '' for nobody."""

    seq: int
    site: str
    time: int
    says: str
    url: str
    path: str
    device: str
    source: str
    whose: str
    who: str
    known: bool
    staff: bool


async def show(request: Request) -> Response:
    """The last events; without a script a reload brings the next."""
    session = signed_in(request)
    site = session.site.name if session.site else None
    await request.app.state.writer.settle()
    store: Store = request.app.state.store
    happenings, latest = await asyncio.to_thread(newest_of, store, site)
    present = await asyncio.to_thread(store.present, site, now_ms(request) - PRESENT_MS)
    rows = [row_of(each) for each in happenings]
    return render(
        request, "live.html", rows=rows, latest=latest, present=present, rows_max=ROWS_MAX, first_max=FIRST_MAX
    )


async def stream(request: Request) -> Response:
    """What comes after the page's last event, or after the last that an interrupted stream brought."""
    session = signed_in(request)
    broadcast: Broadcast = request.app.state.broadcast
    try:
        watcher = broadcast.join(session.site.name if session.site else None, _after(request), session.hash)
    except TooMany as error:
        return PlainTextResponse(f"{error}\n", 429, {"retry-after": "30", "cache-control": "no-store"})
    return _Stream(request, session, broadcast, watcher)


class _Stream(StreamingResponse):
    """Sends bulletins, and lets the watcher out however it ends."""

    def __init__(self, request: Request, session: Session, broadcast: Broadcast, watcher: Watcher) -> None:
        self._request, self._session = request, session
        self._broadcast, self._watcher = broadcast, watcher
        super().__init__(self._messages(), headers=HEADERS, media_type="text/event-stream")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._broadcast.leave(self._watcher)

    async def _messages(self) -> AsyncIterator[str]:
        yield f"retry: {RETRY_MS}\n\n"
        async for bulletin in self._broadcast.bulletins(self._watcher, HEARTBEAT_S):
            yield ": still here\n\n" if bulletin is None else message(self._request, bulletin)
        if not await self._holds():
            yield "event: end\ndata: signed out\n\n"

    async def _holds(self) -> bool:
        store: Store = self._request.app.state.store
        at = now_ms(self._request)
        return await asyncio.to_thread(store.session, self._session.hash, at) is not None


async def end_watching(broadcast: Broadcast, store: Store, clock_ms: Callable[[], int]) -> None:
    """Whoever watches by a session that no longer holds, for whatever reason, watches no more. Never returns."""
    while True:
        await asyncio.sleep(RECHECK_S)
        if watching := broadcast.sessions:
            try:
                over = await asyncio.to_thread(_over, store, watching, clock_ms())
            except Unavailable:
                continue  # nobody is told anything new either
            for session in over:
                broadcast.end(session)


def _over(store: Store, sessions: Iterable[str], at: int) -> list[str]:
    return [session for session in sessions if store.session(session, at) is None]


def message(request: Request, bulletin: Bulletin) -> str:
    """One bulletin as a server-sent event. JSON holds no line break, so that one line holds it."""
    told: dict[str, Any] = {"more": bulletin.more, "atLeast": bulletin.at_least, "gone": bulletin.gone}
    if bulletin.news:
        told["rows"] = _html(request, "_live_rows.html", rows=_rows(reversed(bulletin.news)))
    if bulletin.retold:
        told["who"] = {row.seq: _html(request, "_live_who.html", row=row) for row in _rows(bulletin.retold)}
    if bulletin.present is not None:
        told["present"] = bulletin.present
    return f"id: {bulletin.latest}\ndata: {msgspec.json.encode(told).decode()}\n\n"


def row_of(happening: Happening) -> Row:
    """An event as a line of the page."""
    visitor, customer = happening.visitor, happening.customer
    known = customer is not None
    key = customer if customer is not None else f"visitor:{visitor}" if visitor else ""
    return Row(
        seq=happening.seq,
        site=happening.site,
        time=happening.time,
        says=tell(happening.type, happening.name, happening.properties, url=happening.url, title=happening.title),
        url=happening.url,
        path=path_of(happening.url),
        device=runs_on(happening.device, happening.browser, happening.os),
        source=came_by(happening.came),
        whose=address(key) if key else "",
        who=happening.called or customer or (called(visitor) if visitor else ""),
        known=known,
        staff=happening.staff,
    )


def _rows(happenings: Iterable[Happening]) -> list[Row]:
    return [row_of(each) for each in happenings]


def _html(request: Request, template: str, **context: Any) -> str:
    return bytes(render(request, template, **context).body).decode()


def _after(request: Request) -> int:
    """What a browser says by itself when it comes back counts before what the page's address says."""
    for said in (request.headers.get("last-event-id"), request.query_params.get("after")):
        if said and said.isascii() and said.isdigit() and len(said) < 19:
            return int(said)
    return 0


routes: list[BaseRoute] = [
    Route("/console/live", show, methods=["GET"]),
    Route("/console/live/events", stream, methods=["GET"]),
]
