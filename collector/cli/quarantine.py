"""`footfall quarantine`: refused calls, to read and to replay.

What enters: which of them. What leaves: their reasons, and what became of those that were replayed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import click

from collector.cli.options import as_json, moment, opened, print_json, print_table, setting
from collector.event import Event, Reason
from collector.ingest.acceptance import replay
from collector.store import Entry, Outcome, Quarantined, Store

PAGE = 500


@click.group()
def quarantine() -> None:
    """Refused calls: read them, replay them."""


def _chosen(store: Store, site: str | None, reason: str | None) -> Iterator[Quarantined]:
    after = 0
    while page := store.quarantined(after, PAGE):
        after = page[-1].id
        yield from (one for one in page if site in (None, one.site) and reason in (None, one.reason))


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
        refused = list(_chosen(store, site, reason))
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
        became = _replay(store, list(_chosen(store, site, reason)), dry_run)
        while not dry_run and store.follow():
            pass
    counts = {outcome.value: became[outcome] for outcome in Outcome}
    if as_json:
        print_json(counts)
    else:
        click.echo(", ".join(f"{number} {outcome}" for outcome, number in counts.items()))


def _replay(store: Store, refused: list[Quarantined], dry_run: bool) -> Counter[Outcome]:
    sites = {site.name: site for site in store.sites()}
    became: Counter[Outcome] = Counter()
    for start in range(0, len(refused), PAGE):
        page = refused[start : start + PAGE]
        tried = [(one.id, replay(one, sites[one.site])) for one in page if one.site in sites]
        passed = [(id, entry) for id, entry in tried if not isinstance(entry, Quarantined)]
        became[Outcome.QUARANTINED] += len(page) - len(passed)
        entries = [entry for _, entry in passed]
        became.update(_foreseen(entries) if dry_run else store.append(entries))
        if not dry_run:
            store.release(id for id, _ in passed)
    return became


def _foreseen(entries: Sequence[Entry]) -> list[Outcome]:
    """What the store would say, duplicates aside."""
    return [Outcome.STORED if isinstance(entry, Event) else Outcome.DROPPED for entry in entries]


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
