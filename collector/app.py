"""The application: every route, and what lives as long as it does. No logic.

What enters: settings and a store. What leaves: a Starlette application that serves them.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Route

from collector.config import Settings
from collector.errors import FootfallError, Unavailable
from collector.ingest.acceptance import DailySalt
from collector.ingest.client_address import Proxies
from collector.ingest.clock import ClockWatch
from collector.ingest.counts import Counts
from collector.ingest.keys import Keyring
from collector.ingest.launching import in_thread
from collector.ingest.origins import listed_origin
from collector.ingest.pace import Pace
from collector.ingest.writer import Commit, Launch, Writer
from collector.store import Store
from collector.web import console, customers, export, failure, health, snippet
from collector.web.attempts import Attempts
from collector.web.audit import Audit
from collector.web.auth import Passes
from collector.web.console.broadcast import Broadcast
from collector.web.console.guard import Guard
from collector.web.console.page import Handler, or_page
from collector.web.console.session import clock_ms
from collector.web.ingest import Admission, BrowserSettings, Doors, doors

REFRESH_EVERY_S = 0.5
log = logging.getLogger(__name__)
FAILURES: dict[Any, Handler] = {
    FootfallError: or_page(failure.render_error),
    HTTPException: or_page(failure.render_http_error),
    Exception: or_page(failure.render_bug),
}


def build_app(
    settings: Settings, store: Store, guests: Sequence[BaseRoute] = (), *, launch: Launch | None = None
) -> Starlette:
    """`app.state` holds `store`, `writer`, `settings`, `counts`, `passes`, `audit` … for the handlers.

    `launch` starts what writes; by default it is a thread over `store`.
    `guests` are routes of somebody else's that live on the same server, as the demo's shop does.
    The store belongs to whoever opened it: close it when the application has ended.
    """
    counts = Counts()
    keyring = Keyring([listed_origin(origin) for origin in settings.origin], store.sites)
    passes = Passes(store.tokens)
    scripts = snippet.Scripts()

    def on_commit(commit: Commit) -> None:
        counts.commit(commit)
        broadcast.commit()

    writer = Writer(
        launch or in_thread(store),
        queue_events_max=settings.queue_events_max,
        queue_bytes_max=settings.queue_bytes_max,
        on_commit=on_commit,
    )
    broadcast = Broadcast(store, writer.settle, lambda: clock_ms(app))
    audit = Audit(writer, lambda: clock_ms(app))
    proxies = Proxies(settings.trusted_proxy)
    admission = Admission(
        keyring=keyring,
        writer=writer,
        proxies=proxies,
        pace=Pace(settings.rate_limit),
        salt=DailySalt(),
        on_answer=counts.answer,
    )

    app_doors = doors(admission)
    app = Starlette(
        routes=[*_routes(admission, settings), *guests],
        middleware=[Middleware(Doors, doors=app_doors), Middleware(Guard)],
        lifespan=_lifespan(store, keyring, passes, scripts, writer, counts, broadcast, audit),
        exception_handlers=FAILURES,
    )
    app.state.settings, app.state.store, app.state.writer = settings, store, writer
    app.state.doors = app_doors
    app.state.counts, app.state.passes, app.state.scripts = counts, passes, scripts
    app.state.broadcast, app.state.audit = broadcast, audit
    app.state.proxies, app.state.attempts = proxies, Attempts()
    return app


def _lifespan(
    store: Store,
    keyring: Keyring,
    passes: Passes,
    scripts: snippet.Scripts,
    writer: Writer,
    counts: Counts,
    broadcast: Broadcast,
    audit: Audit,
) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    """What starts with the server and ends with it."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        keyring.replace(store.sites())
        passes.replace(store.tokens())
        scripts.replace(store.sites(), store.snippets())
        await writer.start()
        refreshing = asyncio.create_task(_refresh(store, keyring, passes, scripts, writer, counts, audit))
        yield
        refreshing.cancel()
        with suppress(asyncio.CancelledError):
            await refreshing
        broadcast.close()
        with suppress(Exception):
            await _tell(passes, writer, audit)
        await writer.close()

    return lifespan


def _routes(admission: Admission, settings: Settings) -> list[BaseRoute]:
    browser_settings = BrowserSettings(admission, settings.url.rstrip("/"))
    settings_of_browsers = Route("/v1/projects/{key}/settings", browser_settings, methods=["GET", "OPTIONS"])
    return [settings_of_browsers, *customers.routes, *export.routes, *health.routes, *snippet.routes, *console.routes]


async def _refresh(
    store: Store,
    keyring: Keyring,
    passes: Passes,
    scripts: snippet.Scripts,
    writer: Writer,
    counts: Counts,
    audit: Audit,
) -> None:
    """Another process may change sites and tokens, or bring in events, and somebody the clock: look now and then."""
    clock, failing = ClockWatch(), False
    while True:
        if jumped_s := clock.jumped_s(time.time(), time.monotonic()):
            counts.clock_jumps += 1
            log.warning("the clock was put %s by %d seconds", "forward" if jumped_s > 0 else "back", abs(jumped_s))
        await asyncio.sleep(REFRESH_EVERY_S)
        try:
            sites = await asyncio.to_thread(store.sites)
            keyring.replace(sites)
            passes.replace(await asyncio.to_thread(store.tokens))
            scripts.replace(sites, await asyncio.to_thread(store.snippets))
            await _tell(passes, writer, audit)
            failing = False
        except Exception as error:
            if not failing:
                log.error("sites and tokens could not be read again", exc_info=error)
            failing = True
        writer.nudge()


async def _tell(passes: Passes, writer: Writer, audit: Audit) -> None:
    """What was done since, and by which tokens."""
    await audit.write()
    used = passes.used()
    if used:
        with suppress(Unavailable):  # the next use tells of it
            await writer.run(Store.touch_tokens, used)
