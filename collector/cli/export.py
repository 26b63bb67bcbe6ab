"""`footfall export DATASET`: a dataset into a file.

What enters: which rows, and where to. What leaves: the file, whole or not at all, and the cursor to go on from.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

import click
import msgspec
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn

from collector.cli.options import as_json, note, opened, setting, settings_of
from collector.errors import FootfallError, Misuse
from collector.spoken import counted
from collector.store import ExportQuery
from collector.store.audit import Act
from collector.store.datasets import DATASETS, columns, dataset
from collector.web.formats import FORMATS, file_format
from collector.web.times import read_range, zone_of


@click.command()
@click.argument("name", metavar="DATASET", type=click.Choice(list(DATASETS)))
@click.option("--format", "suffix", type=click.Choice(list(FORMATS)), default="csv", help="[default csv]")
@click.option("--out", default="-", metavar="FILE", help="Where to; - is stdout.  [default -]")
@click.option("--since", metavar="CURSOR", help="Only what is beyond this cursor, the `next` of an earlier export.")
@click.option("--from", "start", metavar="TIME", help="From this time on: a date, or an ISO 8601 time.")
@click.option("--to", "end", metavar="TIME", help="Up to this time, itself excluded.")
@click.option("--site", metavar="NAME", help="Only this site's rows; dates are days in its time zone.")
@click.option("--resolve", is_flag=True, help="Add each event's customer and visit as of now.")
@click.option("--mailing", metavar="TOPIC", help="Of customers: the addresses that have said yes to this topic.")
@click.option("--all-answers", is_flag=True, help="With --mailing: whatever they have said, with what it was.")
@setting("db")
@as_json
def export(
    name: str,
    suffix: str,
    out: str,
    since: str | None,
    start: str | None,
    end: str | None,
    site: str | None,
    resolve: bool,
    mailing: str | None,
    all_answers: bool,
    db: str | None,
    as_json: bool,
) -> None:
    """Write a dataset as CSV, JSON Lines or Parquet; prints the number of rows and the cursor to go on from."""
    if all_answers and mailing is None:
        raise Misuse("--all-answers goes with --mailing")
    if resolve and name != "events":
        raise Misuse("--resolve adds customer and visit to events only")
    made, listed = file_format(suffix), columns(dataset(name), resolve=resolve, mailing=mailing)
    with opened(db) as store:
        while store.follow():
            pass
        first, last = read_range(start, end, zone_of(site, store.sites()))
        query = ExportQuery(
            start=first, end=last, since=since, site=site, resolve=resolve, mailing=mailing, everybody=all_answers
        )
        exported = store.export(name, query)
        rows = _Counted(exported.batches)
        with opened_file(out, settings_of(db=db).db) as file, _progress(rows):
            note(store, Act.EXPORTED, name)
            for chunk in made.render(listed, rows):
                file.write(chunk)
    done = {"rows": rows.count, "next": exported.next}
    said = (
        msgspec.json.encode(done).decode()
        if as_json
        else f"{counted(rows.count, 'row')}; go on with --since {exported.next}"
    )
    click.echo(said, err=out == "-")


class _Counted:
    """Batches, counted as they pass."""

    def __init__(self, batches: Iterable[Sequence[tuple[Any, ...]]]) -> None:
        self._batches = batches
        self.count = 0
        self.on_batch: Callable[[int], object] = lambda count: None

    def __iter__(self) -> Iterator[Sequence[tuple[Any, ...]]]:
        for batch in self._batches:
            yield batch
            self.count += len(batch)
            self.on_batch(self.count)


@contextmanager
def opened_file(out: str, db: str) -> Iterator[IO[bytes]]:
    """stdout, or FILE.part that becomes FILE when all went well: nobody ever reads half a file under its name.

    It is about people, hence readable by its owner alone. A device or a pipe is written as it is. Raises Misuse where
    it is the database, or lies beside it under its name.
    """
    own, wanted = os.path.realpath(db), os.path.realpath(out)
    if wanted == own or wanted.startswith(f"{own}-"):
        raise Misuse(f"{out} is the database itself, or one of its files")
    if out == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if os.path.isdir(out):
        raise Misuse(f"{out} is a directory; name the file in it")
    if os.path.exists(out) and not os.path.isfile(out):
        with open(out, "wb") as file:
            yield file
        return
    part = f"{out}.part"
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        raise FootfallError(f"cannot write {out}: {error.strerror}") from error
    with os.fdopen(descriptor, "wb") as file:
        try:
            yield file
        except BaseException:
            os.unlink(part)
            raise
    os.replace(part, out)


@contextmanager
def _progress(rows: _Counted) -> Iterator[None]:
    """A line on stderr, if a person watches."""
    console = Console(stderr=True)
    shown = TextColumn("{task.completed:,} rows")
    with Progress(shown, TimeElapsedColumn(), console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)
        rows.on_batch = lambda count: bar.update(task, completed=count)
        yield
