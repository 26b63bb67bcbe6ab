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

from msgspec import Struct
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Route

from collector.config import Settings
from collector.enrich import user_agent
from collector.errors import FootfallError, Unavailable
from collector.ingest.acceptance import DailySalt
from collector.ingest.ageing import age_daily
from collector.ingest.client_address import Proxies
from collector.ingest.clock import ClockWatch
from collector.ingest.counts import Counts
from collector.ingest.frames import Launch
from collector.ingest.handover import Handovers
from collector.ingest.keys import Keyring
from collector.ingest.launching import in_thread
from collector.ingest.origins import listed_origin
from collector.ingest.pace import Pace
from collector.ingest.vocabulary import Vocabulary
from collector.ingest.writer import Writer
from collector.store import Store, Tally
from collector.web import console, customers, export, failure, health, snippet
from collector.web.attempts import Attempts
from collector.web.audit import Audit
from collector.web.auth import Passes
from collector.web.console.broadcast import Broadcast
from collector.web.console.guard import Guard
from collector.web.console.live import end_watching
from collector.web.console.page import Handler, or_page
from collector.web.console.session import clock_ms
from collector.web.device import Device
from collector.web.forgetting import Forgetting
from collector.web.ingest import Admission, BrowserSettings, Doors, doors
from collector.web.lookups import Lookups
from collector.web.quick import Quick

REFRESH_EVERY_S = 0.5
log = logging.getLogger(__name__)
FAILURES: dict[Any, Handler] = {
    FootfallError: or_page(failure.render_error),
    HTTPException: or_page(failure.render_http_error),
    Exception: or_page(failure.render_bug),
}


class _House(Struct):
    """What lives as long as the application. Handlers find each by its name in `app.state`."""

    store: Store
    keyring: Keyring
    passes: Passes
    scripts: snippet.Scripts
    writer: Writer
    counts: Counts
    broadcast: Broadcast
    audit: Audit
    vocabulary: Vocabulary


def build_app(
    settings: Settings, store: Store, guests: Sequence[BaseRoute] = (), *, launch: Launch | None = None
) -> Starlette:
    """`app.state` holds `settings`, `doors`, `lookups`, `quick` and more for the handlers, and what _House lists.

    `launch` starts what writes; by default it is a thread over `store`.
    `guests` are routes of somebody else's that live on the same server, as the demo's shop does.
    The store belongs to whoever opened it: close it when the application has ended.
    """
    counts = Counts()
    keyring = Keyring([listed_origin(origin) for origin in settings.origin], store.sites)
    passes = Passes(store.tokens)
    scripts = snippet.Scripts(settings.script_name, settings.path_prefix, settings.calls_path)

    def on_filed(tally: Tally) -> None:
        counts.filed(tally)
        broadcast.commit()

    queue = {"queue_events_max": settings.queue_events_max, "queue_bytes_max": settings.queue_bytes_max}
    writer = Writer(launch or in_thread(store), **queue, on_commit=counts.commit, on_filed=on_filed)
    broadcast = Broadcast(store, writer.settle, lambda: clock_ms(app))
    vocabulary = Vocabulary(settings.event_names_max, settings.property_names_max)
    admission = Admission(
        keyring=keyring,
        writer=writer,
        proxies=Proxies(settings.trusted_proxy),
        pace=Pace(settings.rate_limit),
        salt=DailySalt(),
        vocabulary=vocabulary,
        on_answer=counts.answer,
    )
    audit = Audit(writer, lambda: clock_ms(app))
    house = _House(store, keyring, passes, scripts, writer, counts, broadcast, audit, vocabulary)
    app_doors = doors(admission, settings.path_prefix, settings.calls_path)
    app = Starlette(
        routes=[*_routes(admission, settings), *scripts.routes(), *guests],
        middleware=[Middleware(Doors, doors=app_doors), Middleware(Guard)],
        lifespan=_lifespan(house),
        exception_handlers=FAILURES,
    )
    app.state.settings, app.state.doors, app.state.proxies = settings, app_doors, admission.proxies
    app.state.silence, app.state.attempts = health.Silence(), Attempts()
    app.state.lookups, app.state.quick = Lookups(), Quick()
    for name in house.__struct_fields__:
        setattr(app.state, name, getattr(house, name))
    return app


def _lifespan(house: _House) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    """What starts with the server and ends with it."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        house.keyring.replace(house.store.sites())
        house.passes.replace(house.store.tokens())
        house.scripts.replace(house.store.sites(), house.store.snippets())
        house.vocabulary.learn(house.store.vocabulary())
        await house.writer.start()
        user_agent.load()  # while what writes starts beside it
        ageing = age_daily(house.writer, house.store, lambda: clock_ms(app))
        watch = end_watching(house.broadcast, house.store, lambda: clock_ms(app))
        beside = [asyncio.create_task(_refresh(house)), asyncio.create_task(ageing), asyncio.create_task(watch)]
        yield
        for task in beside:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        house.broadcast.close()
        with suppress(Unavailable):
            await _tell(house)
        await house.writer.close()

    return lifespan


def _routes(admission: Admission, settings: Settings) -> list[BaseRoute]:
    browser_settings = BrowserSettings(admission, settings.url.rstrip("/"))
    settings_of_browsers = Route("/v1/projects/{key}/settings", browser_settings, methods=["GET", "OPTIONS"])
    device = Device(admission, Handovers()).routes(settings.path_prefix)
    forgetting = Forgetting(admission).routes(settings.path_prefix)
    of_pages = [settings_of_browsers, *device, *forgetting]
    return [*of_pages, *customers.routes, *export.routes, *health.routes, *console.routes]


async def _refresh(house: _House) -> None:
    """Another process may change sites and tokens, or bring in events, and somebody the clock: look now and then."""
    clock, failing = ClockWatch(), False
    while True:
        if jumped_s := clock.jumped_s(time.time(), time.monotonic()):
            house.counts.clock_jumps += 1
            way = "forward" if jumped_s > 0 else "back"
            log.warning("the clock was put %s by %d seconds", way, round(abs(jumped_s)))
        await asyncio.sleep(REFRESH_EVERY_S)
        try:
            sites = await asyncio.to_thread(house.store.sites)
            house.keyring.replace(sites)
            house.passes.replace(await asyncio.to_thread(house.store.tokens))
            house.scripts.replace(sites, await asyncio.to_thread(house.store.snippets))
            await _tell(house)
            failing = False
        except Exception as error:
            if not failing:
                log.error("sites and tokens could not be read again", exc_info=error)
            failing = True
        house.writer.nudge()


async def _tell(house: _House) -> None:
    """What was done since, by which tokens, and which names are new."""
    await house.audit.write()
    used = house.passes.used()
    if used:
        with suppress(Unavailable):  # the next use tells of it
            await house.writer.run(Store.touch_tokens, used)
    words = house.vocabulary.new_words()
    if words:
        try:
            await house.writer.run(Store.put_words, words)
        except Unavailable:
            house.vocabulary.put_back(words)
