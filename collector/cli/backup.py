"""`footfall backup FILE`: a copy of everything, made while the collector runs.

What enters: where it goes. What leaves: the file, whole and checked or not at all, and what it holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click
from msgspec.structs import asdict
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from collector import spoken
from collector.cli.options import as_json, moment, now_ms, opened, print_json, setting, settings_of
from collector.errors import Unavailable
from collector.store.sqlite import backup as backing
from collector.store.sqlite import inbox
from collector.store.sqlite.copying import Progress as OnProgress
from collector.store.sqlite.soundness import Contents


@click.command()
@click.argument("file")
@click.option("--force", is_flag=True, help="Replace FILE where it is there already.")
@click.option("--deep", is_flag=True, help="Compare each index of the copy with its table too; takes longer.")
@setting("db")
@as_json
def backup(file: str, force: bool, deep: bool, db: str | None, as_json: bool) -> None:
    """Copy the database into FILE, as it is now; the collector goes on meanwhile.

    FILE is checked before it gets its name. It holds what your customers did: keep it where you would keep them.
    """
    db = settings_of(db=db).db
    _file_what_waits(db)
    with progress("copying") as on_progress:
        held = backing.back_up(db, file, force=force, deep=deep, at=now_ms(), on_progress=on_progress)
    if as_json:
        print_json({"file": file, **asdict(held)})
    else:
        click.echo(f"{file} holds {told(held)}")


def _file_what_waits(db: str) -> None:
    """What the collector has acknowledged and not filed yet lies beside the database: the copy is to hold it."""
    if inbox.origin(db) is None:
        return
    try:
        with opened(db) as store:
            store.file_accepted()
    except Unavailable as error:
        click.echo(f"footfall: the copy will not hold what waits to be filed: {error}", err=True)


def told(held: Contents) -> str:
    """What a file holds, for people."""
    newest = f", the newest of {moment(held.newest)}" if held.newest is not None else ""
    events, sites = spoken.counted(held.events, "event"), spoken.counted(held.sites, "site")
    return f"{events} of {sites}{newest}; {spoken.size(held.bytes)}, schema {held.schema}"


@contextmanager
def progress(doing: str) -> Iterator[OnProgress]:
    """A bar on stderr, if a person watches."""
    console = Console(stderr=True)
    columns = (TextColumn(doing), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
