"""`footfall serve`: the collector itself, until it is told to stop.

What enters: settings. What leaves: a listening process that ends gracefully on SIGTERM and SIGINT. It loads little: the
larger half, `collector.cli.serving`, comes while what writes gets ready beside it.
"""

from __future__ import annotations

import logging
import signal
import socket
import sys
import threading
from typing import Any

import click
from msgspec.structs import replace

from collector import beside, logs
from collector.cli.loading import load
from collector.cli.options import as_json, opened, setting, settings_of
from collector.config import SETTINGS, Settings
from collector.errors import FootfallError
from collector.ingest.launching import ahead, in_process
from collector.store.sqlite.connection import refuse_file
from collector.store.sqlite.lock import is_new, take

log = logging.getLogger(__name__)

BACKLOG = 2_048
STOPS = (signal.SIGTERM, signal.SIGINT)
_told_to_end = threading.Event()


@click.command()
@setting(*(name for name, _, _ in SETTINGS))
@as_json
def serve(as_json: bool, **flags: Any) -> None:
    """Take calls, keep them, answer questions."""
    settings = settings_of(**flags)
    logs.set_up(settings.log_format)
    for number in STOPS:
        signal.signal(number, _end)
    if is_new(settings.db):
        refuse_file(settings.db)
    with take(settings.db, "serve") as lock, opened(settings.db, create=True) as store, listen(settings) as listener:
        settings = replace(settings, port=listener.getsockname()[1])
        lock.tell(settings.local_url, settings.public_url)
        core, core_beside = beside.cores()
        beside.keep_to(core_beside)  # so what is started loads there
        command = [sys.executable, "-m", "collector.writing", settings.db, settings.log_format]
        launch = in_process([*command, str(core_beside), str(lock.descriptor)], keep_open=[lock.descriptor])
        with ahead(launch) as launch_writer:
            beside.keep_to(core)
            run = load("collector.cli.serving:run")
            if not _told_to_end.is_set():
                run(settings, store, launch_writer, listener, as_json)
        log.info("ended as it was told to")


def _end(*_: object) -> None:
    """Told to stop before it serves: what was started beside it ends first."""
    _told_to_end.set()  # while modules are loaded Python may drop what is raised
    raise SystemExit(0)


def listen(settings: Settings) -> socket.socket:
    """The open port. Raises FootfallError where it is taken."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FootfallError(f"cannot listen on {settings.host} port {settings.port}: {reason}") from error
