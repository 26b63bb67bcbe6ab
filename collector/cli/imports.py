"""`footfall import`: a shop's past, from a file of customers or orders.

What enters: a file, and which column is what. What leaves: events, and a word on every row that is none.
Bringing the same file in twice adds nothing.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from itertools import chain, islice
from typing import BinaryIO
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.progress import wrap_file

from collector.cli.options import as_json, note, now_ms, opened, print_json, setting
from collector.enrich.arrival import Arrival
from collector.errors import FootfallError, Misuse, NotFound
from collector.event import Event, Site
from collector.ingest.acceptance import accept
from collector.sources.columns import IDS, KINDS, Columns, columns_of, has_an_id, new_fields, unused
from collector.sources.history import Import, Message, customer_messages, order_messages
from collector.sources.rows import FORMS, Problem, Row, column_key, read_rows, text_lines
from collector.spoken import counted
from collector.store import Entry, Left, Outcome, Quarantined, Store
from collector.store.audit import Act
from collector.wire import envelope_of

AT_ONCE = 500
LINES_PEEKED = 200
PROBLEMS_SHOWN = 20
COLUMNS_SHOWN = 10
TRANSLATORS: dict[str, Callable[[Iterable[str], str, Import], Iterator[Message | Problem]]] = {
    "customers": customer_messages,
    "orders": order_messages,
}


@click.command("import")
@click.argument("kind", type=click.Choice(list(KINDS)))
@click.argument("file")
@click.option("--site", help="Whose past it is; not needed where there is one site.")
@click.option("--format", "form", type=click.Choice(FORMS), help="By default what the file's name says, else csv.")
@click.option(
    "--map", "overrides", multiple=True, metavar="COLUMN=FIELD", help="Which column is which field. [repeats]"
)
@click.option("--source", default="import", show_default=True, help="A name for where the file comes from.")
@click.option("--dry-run", is_flag=True, help="Say what would become of each row, and change nothing.")
@setting("db")
@as_json
def import_history(
    kind: str,
    file: str,
    site: str | None,
    form: str | None,
    overrides: tuple[str, ...],
    source: str,
    dry_run: bool,
    db: str | None,
    as_json: bool,
) -> int:
    """Bring in customers or orders from FILE (- for stdin), as CSV or JSON Lines.

    Ends with 1 where some row was not brought in; the others are.
    """
    columns = columns_of(kind, overrides)
    guessed: set[int] = set()
    with opened(db) as store, _open(file) as opened_file:
        shop = _site(store, site)
        zone = ZoneInfo(shop.timezone)
        how = Import(columns=columns, source=source, zone=zone, imported=now_ms(), guessed=guessed)
        form = form or ("jsonl" if file.endswith((".jsonl", ".ndjson", ".json")) else "csv")
        lines = text_lines(opened_file, guessed.add)
        peeked = list(islice(lines, LINES_PEEKED))
        names = _names(peeked, form)
        _refuse_without_ids(file, kind, names, columns)
        results = TRANSLATORS[kind](chain(peeked, lines), form, how)
        if not dry_run:
            note(store, Act.IMPORTED, kind)
        report = _bring_in(store, shop, results, how.imported, dry_run)
    if not report.outcomes and not report.problems:
        raise FootfallError(f"{_called(file)} is empty: there is no row in it")
    report.notes = [*_of_maps(overrides, names), *_of_fields(kind, columns), *_of_letters(guessed)]
    _print(report, unused(names, columns), as_json)
    return 1 if report.problems or report.outcomes[Outcome.QUARANTINED] else 0


class _Report:
    def __init__(self) -> None:
        self.outcomes: Counter[Outcome] = Counter()
        self.problems: list[Problem] = []
        self.refused: Counter[str] = Counter()
        self.notes: list[str] = []


def _bring_in(store: Store, site: Site, results: Iterator[Message | Problem], received: int, dry_run: bool) -> _Report:
    report = _Report()
    arrival = Arrival(site=site, server=True, address="", user_agent="")
    while some := list(islice(results, AT_ONCE)):
        report.problems += [one for one in some if isinstance(one, Problem)]
        messages = [one for one in some if not isinstance(one, Problem)]
        entries = accept(envelope_of(messages), arrival, received)
        report.refused.update(f"{one.reason}: {one.detail}" for one in entries if isinstance(one, Quarantined))
        report.outcomes.update(map(_foreseen, entries) if dry_run else store.append(entries))
    while not dry_run and store.follow(2_000):
        pass
    return report


def _foreseen(entry: Entry) -> Outcome:
    """What the store would say, duplicates aside."""
    if isinstance(entry, Event):
        return Outcome.STORED
    return Outcome.DROPPED if isinstance(entry, Left) else Outcome.QUARANTINED


def _open(file: str) -> AbstractContextManager[BinaryIO]:
    """The file's bytes; a person who watches sees how far it is."""
    if file == "-":
        return nullcontext(sys.stdin.buffer)
    if os.path.isdir(file):
        raise Misuse(f"{file} is a directory; name a file in it")
    if not os.path.isfile(file):
        raise NotFound(f"there is no file {file}")
    opened_file = open(file, "rb")  # noqa: SIM115 - it is closed by whoever enters what is returned
    if not sys.stderr.isatty():
        return opened_file
    size = os.fstat(opened_file.fileno()).st_size
    return wrap_file(opened_file, size, description="importing", console=Console(stderr=True), transient=True)


def _site(store: Store, name: str | None) -> Site:
    sites = store.sites()
    if name is None and len(sites) == 1:
        return sites[0]
    if name is None:
        raise Misuse("--site is needed: there is not exactly one site")
    for site in sites:
        if site.name == name:
            return site
    raise NotFound(f"there is no site {name}")


def _names(lines: list[str], form: str) -> dict[str, None]:
    """The columns of the first rows, in their order."""
    rows = (row.cells for row in read_rows(lines, form) if isinstance(row, Row))
    return dict.fromkeys(chain.from_iterable(rows))


def _refuse_without_ids(file: str, kind: str, names: Collection[str], columns: Columns) -> None:
    """Where no row can be of use one line says so, and not one for each row."""
    if names and not has_an_id(kind, names, columns):
        wanted = " or ".join(IDS[kind])
        listed = ", ".join(islice(names, COLUMNS_SHOWN))
        raise Misuse(f"no column of {_called(file)} is known as {wanted} ({listed}): use --map COLUMN=FIELD")


def _of_maps(overrides: Iterable[str], names: Collection[str]) -> Iterator[str]:
    for override in overrides:
        column = override.partition("=")[0].strip()
        if names and column_key(column) not in names:
            yield f"--map {override}: the first rows have no column {column!r}"


def _of_fields(kind: str, columns: Columns) -> Iterator[str]:
    for field, meant in new_fields(kind, columns).items():
        kept = "a trait" if kind == "customers" else "a property"
        yield f"{field!r} is no field that is known, and becomes {kept}" + (f"; {meant!r} is one" if meant else "")


def _of_letters(guessed: Collection[int]) -> Iterator[str]:
    if guessed:
        lines = counted(len(guessed), "line is", "lines are")
        yield f"{lines} not UTF-8 (the first: {min(guessed)}) and read as Windows-1252: see whether names are right"


def _called(file: str) -> str:
    return "what came by stdin" if file == "-" else file


def _print(report: _Report, ignored: list[str], as_json: bool) -> None:
    counts = {outcome.value: report.outcomes[outcome] for outcome in Outcome}
    if as_json:
        problems = [{"line": one.line, "reason": one.reason} for one in report.problems]
        more = {"refused": dict(report.refused), "problems": problems, "ignored_columns": ignored}
        print_json({**counts, **more, "notes": report.notes})
        return
    said = [f"{number} {outcome}" for outcome, number in counts.items()]
    click.echo(", ".join([*said, f"{counted(len(report.problems), 'row')} left out"]))
    if ignored:
        click.echo(f"columns that were not brought in: {', '.join(ignored)} (use --map COLUMN=FIELD)", err=True)
    for told in report.notes:
        click.echo(told, err=True)
    for one in report.problems[:PROBLEMS_SHOWN]:
        click.echo(f"line {one.line}: {one.reason}", err=True)
    if len(report.problems) > PROBLEMS_SHOWN:
        click.echo(f"and {counted(len(report.problems) - PROBLEMS_SHOWN, 'line')} more", err=True)
    for reason, number in report.refused.most_common(PROBLEMS_SHOWN):
        click.echo(f"{number} refused, {reason}", err=True)
