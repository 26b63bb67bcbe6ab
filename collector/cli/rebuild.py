"""`footfall rebuild`: make all that is derived anew from the log."""

from __future__ import annotations

import click

from collector.cli.options import as_json, note, opened, print_json, setting
from collector.spoken import counted
from collector.store.audit import Act


@click.command()
@setting("db")
@as_json
def rebuild(db: str | None, as_json: bool) -> None:
    """Make customers, visits and orders anew from the events."""
    with opened(db) as store:
        events = store.rebuild()
        note(store, Act.REBUILT, "database")
    if as_json:
        print_json({"events": events})
    else:
        click.echo(f"read {counted(events, 'event')} again")
