"""`footfall serve`: the collector itself, until it is told to stop.

What enters: settings. What leaves: a listening process that ends gracefully on SIGTERM and SIGINT.
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

from collector import beside, logs
from collector.app import build_app
from collector.cli.options import as_json, now_ms, opened, print_json, setting, settings_of
from collector.config import SETTINGS, Settings
from collector.errors import FootfallError
from collector.ingest.launching import ahead, in_process
from collector.store import Store
from collector.store.sqlite.lock import take
from collector.web.console.signin import new_link
from collector.web.server import allow_many_files
from collector.web.short_way import short_way
from collector.web.tags import tag

log = logging.getLogger(__name__)

BACKLOG = 2_048
# The writer's thread gives the interpreter up at each statement; with the default of 5 ms it waits too long to have it
# back from a busy loop.
SWITCH_S = 0.000_1
GRACE_S = 30
STOPS = (signal.SIGTERM, signal.SIGINT)


@click.command()
@setting(*(name for name, _, _ in SETTINGS))
@as_json
def serve(as_json: bool, **flags: Any) -> None:
    """Take calls, keep them, answer questions."""
    settings = settings_of(**flags)
    logs.set_up(settings.log_format)
    for number in STOPS:
        signal.signal(number, _end)
    with take(settings.db, "serve") as lock, opened(settings.db, create=True) as store, listen(settings) as listener:
        settings = replace(settings, port=listener.getsockname()[1])
        lock.tell(settings.local_url)
        core, core_beside = beside.cores()
        beside.keep_to(core)
        command = [sys.executable, "-m", "collector.writing", settings.db, settings.log_format]
        launch = in_process([*command, str(core_beside), str(lock.descriptor)], keep_open=[lock.descriptor])
        with ahead(launch) as launch_writer:
            app = build_app(settings, store, launch=launch_writer)
            _announce(settings, store, as_json)
            serve_app(app, listener)
        log.info("ended as it was told to")


def _end(*_: object) -> None:
    """Told to stop before it serves: what was started beside it ends first."""
    raise SystemExit(0)


def serve_app(app: Any, listener: socket.socket, grace_s: int = GRACE_S) -> None:
    """Serve an application until SIGTERM or SIGINT."""
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=short_way(getattr(app.state, "doors", {})),
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


def listen(settings: Settings) -> socket.socket:
    """The open port. Raises FootfallError where it is taken."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FootfallError(f"cannot listen on {settings.host} port {settings.port}: {reason}") from error


def _announce(settings: Settings, store: Store, as_json: bool) -> None:
    sites = store.sites()
    if as_json:
        print_json({"url": settings.public_url, "host": settings.host, "port": settings.port, "db": settings.db})
        return
    log.info("takes calls on port %d, keeps everything in %s", settings.port, settings.db)
    if settings.log_format == "json":
        return
    click.echo(f"Footfall listens at {settings.public_url} and keeps everything in {settings.db}.")
    for site in sites:
        click.echo(f"{site.name}: {tag(site, settings.script_url)}")
    if not sites:
        click.echo("There is no site yet: footfall site add NAME --origin https://shop.example")
    click.echo("Open the console, once and within 15 minutes (footfall signin-link makes another link):")
    click.echo(f"  {new_link(store, settings.public_url, now_ms())}")
