"""`footfall restore FILE`: a backup takes the database's place.

What enters: a backup. What leaves: the database as it was then, and what was there before under another name.
"""

from __future__ import annotations

import click
from msgspec.structs import asdict

from collector.cli.backup import progress, told
from collector.cli.options import as_json, now_ms, print_json, setting, settings_of
from collector.store.sqlite import restore as restoring


@click.command()
@click.argument("file")
@click.option("--force", is_flag=True, help="Where there is a database already; it is kept beside.")
@setting("db")
@as_json
def restore(file: str, force: bool, db: str | None, as_json: bool) -> None:
    """Put the backup FILE in the database's place, once it has been checked; stop the collector first.

    A backup of an older Footfall is brought up to date. Everybody is signed out of the console.
    """
    db = settings_of(db=db).db
    with progress("copying") as on_progress:
        restored = restoring.restore(file, db, force=force, at=now_ms(), on_progress=on_progress)
    if restored.erased_since:
        known = f"{restored.erased_since} erasures came after this backup was made"
        click.echo(f"{known}: those customers are in it again. Erase them once more: footfall forget KEY", err=True)
    if as_json:
        kept = {"kept": restored.kept, "erased_since": restored.erased_since}
        print_json({"db": db, **asdict(restored.held), **kept})
        return
    click.echo(f"{db} is restored: {told(restored.held)}")
    if restored.kept:
        click.echo(f"what was there is now {restored.kept}; delete it when all is well")
    click.echo("Analysts should export anew, without --since: the past may read otherwise now.")
