"""Install: the tag of each site, and whether anything arrives from it.

What enters: nothing but who asks. What leaves: tags to paste, and the site's first event as soon as it is stored.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from collector.errors import NotFound, Unavailable
from collector.event import DAY_MS, Dropped, Site
from collector.store import Store
from collector.store.beginnings import Beginning
from collector.web import builds
from collector.web.console.page import render
from collector.web.console.session import now_ms, signed_in
from collector.web.console.site import path_of
from collector.web.tags import pinned_tag, tag

LEFT_DAYS = 7


class Reception(Struct, frozen=True):
    """What a newcomer wants to know of a site: its first event, or what may keep it away."""

    site: Site
    path: str
    beginning: Beginning

    @property
    def unconsented(self) -> int:
        """Calls that came without consent, lately."""
        return self.beginning.left.get(f"dropped:{Dropped.CONSENT}", 0)

    @property
    def bots(self) -> int:
        return self.beginning.left.get(f"dropped:{Dropped.BOT}", 0)

    @property
    def refused(self) -> int:
        return sum(n for what, n in self.beginning.left.items() if what.startswith("quarantined:"))


async def show(request: Request) -> Response:
    """The tags of the chosen site, or of all."""
    session = signed_in(request)
    chosen = [session.site] if session.site else session.sites
    settings = request.app.state.settings
    domains = {one.site: one.cookie_domain for one in await asyncio.to_thread(request.app.state.store.snippets)}
    version, script = request.app.state.scripts.version, settings.script_url
    tags = {
        site.name: (tag(site, script), pinned_tag(site, script, version, domains.get(site.name, ""))) for site in chosen
    }
    stub = f"<script>{builds.stub()}</script>"
    receptions = [await _reception(request, site) for site in chosen]
    return render(request, "install.html", receptions=receptions, tags=tags, stub=stub, url=settings.public_url)


async def show_reception(request: Request) -> Response:
    """What the page asks again and again while it waits: the part of it that may have changed."""
    session = signed_in(request)
    if session.site is None:
        raise NotFound("name a site")
    return render(request, "_reception.html", one=await _reception(request, session.site))


async def _reception(request: Request, site: Site) -> Reception:
    store: Store = request.app.state.store
    with suppress(Unavailable):
        await request.app.state.writer.settle()  # the first event shows as soon as it is acknowledged
    since = datetime.fromtimestamp((now_ms(request) - LEFT_DAYS * DAY_MS) / 1_000, UTC).strftime("%Y-%m-%d")
    return Reception(site, path_of(site), await asyncio.to_thread(store.beginning, site.name, since))


routes: list[BaseRoute] = [
    Route("/console/install", show, methods=["GET"]),
    Route("/console/install/reception", show_reception, methods=["GET"]),
]
