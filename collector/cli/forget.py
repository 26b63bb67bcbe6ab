"""`footfall forget KEY`: take everything of one customer out, for good."""

from __future__ import annotations

import click

from collector.cli.options import as_json, now_ms, opened, print_json, setting


@click.command()
@click.argument("key")
@setting("db")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
def forget(key: str, db: str | None, yes: bool, as_json: bool) -> None:
    """Erase the customer KEY: events, traits, orders, refused calls. It cannot be undone."""
    if not (yes or as_json):
        click.confirm(f"Erase everything about {key}?", abort=True)
    with opened(db) as store:
        receipt = store.erase(key, now_ms())
    if as_json:
        print_json(receipt)
    else:
        click.echo(f"erased {receipt.events} events on {receipt.visitors} devices; receipt {receipt.hash}")
