"""`footfall restore FILE`: a backup takes the database's place.

What enters: a backup. What leaves: the database as it was then, and what was there before under another name.
"""

from __future__ import annotations

import click
from msgspec.structs import asdict

from collector.cli.backup import progress, told
from collector.cli.options import as_json, note, now_ms, opened, print_json, setting, settings_of
from collector.spoken import counted
from collector.store.audit import Act
from collector.store.sqlite import restore as restoring

EVENTS_ARE = "events of people who were erased since are"


@click.command()
@click.argument("file")
@click.option("--force", is_flag=True, help="Where there is a database already; it is kept beside.")
@click.option("--tombstones", metavar="FILE", help="Who was erased.  [default: the file beside the database]")
@click.option("--without-tombstones", is_flag=True, help="Nobody was erased since the backup was made.")
@setting("db")
@as_json
def restore(
    file: str, force: bool, tombstones: str | None, without_tombstones: bool, db: str | None, as_json: bool
) -> None:
    """Put the backup FILE in the database's place, once it has been checked; stop the collector first.

    Whoever was erased after it was made stays erased: that is what the file of tombstones is for. A backup of an older
    Footfall is brought up to date. Everybody is signed out of the console. What was there is kept beside, with the
    calls that waited to be filed; where the database is lost, these are taken in.
    """
    db = settings_of(db=db).db
    restoring.refuse(file, db, force=force)
    known = None if without_tombstones else restoring.known_tombstones(file, db, tombstones)
    with progress("copying") as on_progress:
        restored = restoring.restore(file, db, force=force, at=now_ms(), on_progress=on_progress, tombstones=known)
    with opened(db) as store:
        note(store, Act.RESTORED, "database")
    if as_json:
        more = {name: getattr(restored, name) for name in ("kept", "erased_again", "taken_in")}
        print_json({"db": db, **asdict(restored.held), **more})
        return
    click.echo(f"{db} is restored: {told(restored.held)}")
    if restored.taken_in:
        calls = counted(restored.taken_in, "call that waited beside it is", "calls that waited beside it are")
        click.echo(f"and {calls} taken in")
    if restored.erased_again:
        events = counted(restored.erased_again, "event of people who were erased since is", EVENTS_ARE)
        click.echo(f"{events} gone again")
    if restored.kept:
        click.echo(f"what was there is now {restored.kept}; delete it when all is well")
    click.echo("Analysts should export anew, without --since: the past may read otherwise now.")
