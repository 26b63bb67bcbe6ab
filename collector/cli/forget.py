"""`footfall forget KEY`: take everything of one customer out, for good."""

from __future__ import annotations

from contextlib import suppress

import click

from collector.cli.options import as_json, note, now_ms, opened, print_json, setting
from collector.errors import FootfallError, Unavailable
from collector.spoken import counted
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
        _look_up(key, db)
        _must_be_sure(key)
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
        events, devices = counted(receipt.events, "event"), counted(receipt.visitors, "device")
        click.echo(f"erased {events} on {devices}; receipt {receipt.hash}")


def _must_be_sure(key: str) -> None:
    """Raises FootfallError where nobody says yes; a script has nobody to."""
    try:
        sure = click.confirm(f"Erase everything about {key}?")
    except click.Abort:
        click.echo(err=True)
        sure = False
    if not sure:
        raise FootfallError("nothing is erased; --yes erases without asking")


def _look_up(key: str, db: str | None) -> None:
    """Nobody is asked about somebody who is not there. Raises NotFound."""
    with opened(db) as store:
        while store.follow():
            pass
        store.survey(key, now_ms())
