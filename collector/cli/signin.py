"""`footfall signin-link`: the way into the console.

What enters: which database, and where browsers reach its collector. What leaves: a link that signs in once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from collector.cli.options import as_json, note, now_ms, opened, print_json, setting, settings_of
from collector.config import Settings
from collector.store.audit import Act
from collector.store.sqlite.lock import holder
from collector.web.console.signin import new_link


@click.command("signin-link")
@setting("db", "url", "host", "port")
@as_json
def signin_link(db: str | None, as_json: bool, **where: Any) -> None:
    """Print a link that signs in to the console: once, within 15 minutes.

    It leads to the collector that runs on the database, unless --url, or --host and --port, say another.
    """
    url = _public_url(settings_of(db=db, **where), where)
    with opened(db) as store:
        link = new_link(store, url, now_ms())
        note(store, Act.LINKED, "")
    if as_json:
        print_json({"link": link})
    else:
        click.echo(link)


def _public_url(settings: Settings, flags: Mapping[str, Any]) -> str:
    """Where browsers reach the collector: as it is said here, or else as the one that runs has said it."""
    held = holder(settings.db)
    if settings.url or held is None or any(value is not None for value in flags.values()):
        return settings.public_url
    return held.public_url or held.url or settings.public_url
