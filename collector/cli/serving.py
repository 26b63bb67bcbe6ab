"""What `footfall serve` is once what writes has been started: the application, served until it is told to stop.

What enters: settings, an open store, how to launch what writes, an open port. What leaves: nothing, when it has ended.
It is loaded late: the web takes longer to load than all else.
"""

from __future__ import annotations

import logging
import signal
import socket
import sys
from typing import Any

import click
import uvicorn
from msgspec.structs import replace

from collector import beside
from collector.app import build_app
from collector.cli.options import named, now_ms, print_json
from collector.cli.serve import STOPS
from collector.config import Settings
from collector.errors import FootfallError
from collector.ingest.frames import Launch
from collector.store import Store
from collector.web.console.signin import new_link
from collector.web.lookups import Lookups
from collector.web.server import allow_many_files
from collector.web.short_way import short_way
from collector.web.tags import tag

log = logging.getLogger(__name__)

# A thread that reads gives the interpreter up at each statement; with the default of 5 ms it waits too long to have it
# back from a busy loop.
SWITCH_S = 0.000_1
GRACE_S = 30


def run(settings: Settings, store: Store, launch: Launch, listener: socket.socket, as_json: bool) -> None:
    """Say that it is there, and serve."""
    app = build_app(settings, store, launch=launch)
    _announce(settings, store, as_json)
    serve_app(app, listener)


def serve_app(app: Any, listener: socket.socket, grace_s: int = GRACE_S) -> None:
    """Serve an application until SIGTERM or SIGINT."""
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=short_way(getattr(app.state, "doors", {}), getattr(app.state, "lookups", Lookups())),
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=65,
        timeout_graceful_shutdown=grace_s,
    )
    server = _Server(config, app)
    allow_many_files()
    sys.setswitchinterval(SWITCH_S)
    beside.go_on()
    # uvicorn stops gracefully and then raises the signal once more; a graceful stop is exit code 0. A signal that
    # comes before uvicorn listens for any ends the server as soon as it has started.
    for number in STOPS:
        signal.signal(number, lambda *_: setattr(server, "should_exit", True))
    server.run(sockets=[listener])
    if not server.started:
        raise FootfallError("the collector could not start")


class _Server(uvicorn.Server):
    """Sends away first who watches: an answer without an end would hold up the stop."""

    def __init__(self, config: uvicorn.Config, app: Any) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        broadcast = getattr(self._app.state, "broadcast", None)
        if broadcast is not None:
            broadcast.close()
        await super().shutdown(sockets)


def _announce(settings: Settings, store: Store, as_json: bool) -> None:
    sites = store.sites()
    if as_json:
        print_json({"url": settings.public_url, "host": settings.host, "port": settings.port, "db": settings.db})
        return
    log.info("takes calls on port %d, keeps everything in %s", settings.port, settings.db)
    if settings.log_format == "json":
        return
    click.echo(f"Footfall {_where(settings)} and keeps everything in {settings.db}.")
    for site in sites:
        click.echo(f"{site.name}: {tag(site, settings.script_url)}")
    if not sites:
        click.echo(f"There is no site yet: footfall site add NAME --origin https://shop.example{named(settings.db)}")
    click.echo(
        f"Open the console, once and within 15 minutes (footfall signin-link{named(settings.db)} makes another link):"
    )
    click.echo(f"  {new_link(store, settings.public_url, now_ms())}")


def _where(settings: Settings) -> str:
    """Where it listens, and how it is reached where that is another address."""
    if settings.public_url == replace(settings, url="").public_url:
        return f"listens at {settings.public_url}"
    return f"listens on {settings.host} port {settings.port}, is reached at {settings.public_url}"
