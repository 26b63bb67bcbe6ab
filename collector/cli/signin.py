"""`footfall signin-link`: the way into the console.

What enters: which database, and where browsers reach its collector. What leaves: a link that signs in once.
"""

from __future__ import annotations

from typing import Any

import click

from collector.cli.options import as_json, now_ms, opened, print_json, setting, settings_of
from collector.web.console.signin import new_link


@click.command("signin-link")
@setting("db", "url", "host", "port")
@as_json
def signin_link(db: str | None, as_json: bool, **where: Any) -> None:
    """Print a link that signs in to the console: once, within 15 minutes."""
    with opened(db) as store:
        link = new_link(store, settings_of(**where).public_url, now_ms())
    if as_json:
        print_json({"link": link})
    else:
        click.echo(link)
