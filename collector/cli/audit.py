"""`footfall audit`: who looked up, exported, unlinked or erased whom, and when."""

from __future__ import annotations

import click

from collector.cli.options import as_json, moment, opened, print_json, setting
from collector.cli.tables import print_table
from collector.store.audit import Deed


@click.command()
@click.option("--key", help="Only what was done to this customer or visitor.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, help="How many.  [default 100]")
@setting("db")
@as_json
def audit(key: str | None, limit: int, db: str | None, as_json: bool) -> None:
    """Who did what, newest first; with --json one a line. It is kept for a year."""
    with opened(db) as store:
        deeds = store.audit(key, None, limit)
    if as_json:
        for deed in deeds:
            print_json(_row(deed))
        return
    rows = [
        [moment(deed.last), deed.actor.by.value, deed.actor.name, deed.act.value, deed.subject, str(deed.n)]
        for deed in deeds
    ]
    print_table(["last", "by", "who", "did", "to", "times"], rows)


def _row(deed: Deed) -> dict[str, object]:
    return {
        "id": deed.id,
        "first": deed.time,
        "last": deed.last,
        "times": deed.n,
        "by": deed.actor.by.value,
        "who": deed.actor.name,
        "act": deed.act.value,
        "subject": deed.subject,
        "hashed": deed.hashed,
    }
