"""`footfall forget KEY`: take everything of one customer out, for good."""

from __future__ import annotations

from contextlib import suppress

import click

from collector.cli.options import as_json, note, now_ms, opened, print_json, setting
from collector.errors import Unavailable
from collector.store.audit import Act
from collector.store.scrubbing import scrub


@click.command()
@click.argument("key")
@setting("db")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
def forget(key: str, db: str | None, yes: bool, as_json: bool) -> None:
    """Erase the customer KEY, or visitor:ANONYMOUS_ID: events, traits, orders, refused calls. It cannot be undone.

    What comes late from the time before is refused; the file beside the database whose name ends in -tombstones
    keeps a restored backup from bringing the person back. Keep it with, and apart from, the backups.
    """
    if not (yes or as_json):
        click.confirm(f"Erase everything about {key}?", abort=True)
    with opened(db) as store:
        at = now_ms()
        while store.follow():
            pass
        receipt = store.erase(key, at, store.survey(key, at))
        note(store, Act.ERASED, key)
        with suppress(Unavailable):  # the erasure is done; a running collector tries again what is left of it
            scrub(store)
    if as_json:
        print_json(receipt)
    else:
        click.echo(f"erased {receipt.events} events on {receipt.visitors} devices; receipt {receipt.hash}")
