"""`footfall quarantine`: refused calls, to read and to replay.

What enters: which of them. What leaves: their reasons, and what became of those that were replayed.
"""

from __future__ import annotations

import click

from collector.cli.options import as_json, moment, note, opened, print_json, setting
from collector.cli.tables import print_table
from collector.errors import NotFound
from collector.event import Reason
from collector.ingest.replaying import chosen, foreseen, replay_all
from collector.store import Outcome, Quarantined, Store
from collector.store.audit import Act


@click.group()
def quarantine() -> None:
    """Refused calls: read them, replay them."""


_site = click.option("--site", help="Only those of this site.")
_reason = click.option("--reason", type=click.Choice([reason.value for reason in Reason]), help="Only those.")


@quarantine.command("list")
@_site
@_reason
@setting("db")
@as_json
def list_refused(site: str | None, reason: str | None, db: str | None, as_json: bool) -> None:
    """Refused calls, oldest first, with the reason; with --json one a line."""
    with opened(db) as store:
        refused = _chosen(store, site, reason)
    if as_json:
        for one in refused:
            print_json(_row(one))
    else:
        rows = [[str(one.id), one.site, moment(one.received), one.reason.value, one.detail] for one in refused]
        print_table(["id", "site", "received", "reason", "detail"], rows)


@quarantine.command("replay")
@_site
@_reason
@click.option("--dry-run", is_flag=True, help="Say what would become of them, and change nothing.")
@setting("db")
@as_json
def replay_refused(site: str | None, reason: str | None, dry_run: bool, db: str | None, as_json: bool) -> None:
    """Try refused calls again under today's rules, as if each arrived when it first did.

    What passes now is stored and leaves the quarantine; the rest stays.
    """
    with opened(db) as store:
        refused = _chosen(store, site, reason)
        became = foreseen(store, refused) if dry_run else replay_all(store, refused)
        while not dry_run and store.follow():
            pass
        if not dry_run:
            note(store, Act.REPLAYED, "quarantine")
    counts = {outcome.value: became[outcome] for outcome in Outcome if outcome is outcome.told}
    if as_json:
        print_json(counts)
    else:
        click.echo(", ".join(f"{number} {outcome}" for outcome, number in counts.items()))


def _chosen(store: Store, site: str | None, reason: str | None) -> list[Quarantined]:
    """Raises NotFound: a name that was mistyped is not told that all is well."""
    refused = list(chosen(store, site, reason))
    if site is not None and not refused and site not in (one.name for one in store.sites()):
        raise NotFound(f"there is no site {site}")
    return refused


def _row(one: Quarantined) -> dict[str, object]:
    return {
        "id": one.id,
        "site": one.site,
        "server": one.server,
        "received": one.received,
        "reason": one.reason.value,
        "detail": one.detail,
        "raw": one.raw.decode("utf-8", "replace"),
    }
