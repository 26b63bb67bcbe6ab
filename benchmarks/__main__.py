"""`make bench`: measures, prints one table, and adds it to RESULTS.md with the date and the machine.

Enters: how many events to fill, and how long to load. Leaves: the table. `--dry-run` leaves RESULTS.md alone.
"""

from __future__ import annotations

import os
import platform
import sqlite3
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import click

from benchmarks import customer, exporting, fill, home, ingest, lookup, memory, openloop

RESULTS = Path(__file__).with_name("RESULTS.md")
SMALL_EVENTS = 10_000
EXPORTED_EVENTS = 1_000_000
REMEMBERED_EVENTS = 100_000
OF_THE_BEST = 0.7


@click.command()
@click.option("--events", default=10_000_000, show_default=True, help="How many events the large database holds.")
@click.option("--rounds", default=5, show_default=True, help="Rounds of load, the no-op and the full way in turn.")
@click.option("--seconds", default=8, show_default=True, help="Seconds of load a round.")
@click.option("--dry-run", is_flag=True, help="Print only.")
def bench(events: int, rounds: int, seconds: int, dry_run: bool) -> None:
    """Measure ingest, storage, look-up and export."""
    with tempfile.TemporaryDirectory(prefix="footfall-bench-") as folder:
        rows = []
        for row in _measured(Path(folder), events, rounds, seconds):
            click.echo(" | ".join(row))
            rows.append(row)
    if not dry_run:
        _keep(rows)


def _measured(folder: Path, events: int, rounds: int, seconds: int) -> Iterator[tuple[str, str]]:
    taken = ingest.measure(folder, rounds, seconds)
    yield "no-op, 64 connections", f"{taken.noop_rate:,.0f} requests/s"
    yield (
        "full way, each 200 on disk",
        f"{taken.full_rate:,.0f} requests/s, p99 {taken.full_p99_ms:.1f} ms "
        f"(all filed {taken.full_filed_s:.1f} s later)",
    )
    yield "**ratio to the no-op**", f"**{taken.ratio:.2f}** ({taken.stored:,} events stored, {taken.lost} lost)"
    yield (
        f"batches of {ingest.BATCH}",
        f"{taken.batch_events_rate:,.0f} events/s, **{taken.batch_ratio:.2f}** for each request of the no-op "
        f"(all filed {taken.batch_filed_s:.1f} s later)",
    )
    yield _at_a_steady_rate(folder, OF_THE_BEST * taken.full_rate, rounds, seconds)
    counts = {SMALL_EVENTS, min(REMEMBERED_EVENTS, events), min(EXPORTED_EVENTS, events), events}
    for count in sorted(counts):
        db = folder / f"{count}.db"
        yield from _filled(db, count)
        yield from _home(db, count)
        if count in (min(EXPORTED_EVENTS, events), events):
            yield from _exported(db, count)
        # What follows adds to the database.
        yield from _looked_up(db, count, taken.full_rate / 2)
        if count == EXPORTED_EVENTS:
            yield from _opened(db)
        if count in (REMEMBERED_EVENTS, events):
            mb = memory.measure(db, taken.full_rate / 2)
            yield f"resident memory of all processes at {count:,}", f"**{mb:.0f} MB**"
        db.unlink()


def _at_a_steady_rate(folder: Path, rate: float, rounds: int, seconds: int) -> tuple[str, str]:
    db = folder / "steady.db"
    fill.fill(db, SMALL_EVENTS)
    taken: list[openloop.Answers] = []
    with ingest.collector(db) as port:
        for _ in range(rounds):
            taken.append(openloop.measure(port, fill.keys_of("shop"), rate, seconds))
            ingest.wait_until_filed(port)
    p50_ms, p99_ms = median(each.p50_ms for each in taken), median(each.p99_ms for each in taken)
    each_round = ", ".join(f"{each.p99_ms:.1f} ({each.stolen:.1%})" for each in taken)
    return (
        f"open loop at {OF_THE_BEST:.0%} of the best rate, {rate:,.0f} requests/s",
        f"p50 {p50_ms:.1f} ms, **p99 {p99_ms:.1f} ms** ({sum(each.unanswered for each in taken)} not answered; "
        f"each round, and what the host took of the cores in it: {each_round})",
    )


def _filled(db: Path, count: int) -> Iterator[tuple[str, str]]:
    filled = fill.fill(db, count)
    yield (
        f"bytes an event at {count:,}",
        f"**{filled.bytes_an_event:.1f}** (append {count / filled.append_s:,.0f}/s, derive "
        f"{count / filled.follow_s:,.0f}/s)",
    )


def _looked_up(db: Path, count: int, rate: float) -> Iterator[tuple[str, str]]:
    asked, loaded, acting = lookup.measure_while_loaded(db, rate)
    yield f"activity of one customer at {count:,}", f"p50 {asked.p50_ms:.1f} ms, p99 {asked.p99_ms:.1f} ms"
    times = f"{loaded.p99_ms / asked.p99_ms:.1f} times the idle one"
    yield (
        "… while calls come in at half the best rate",
        f"p50 {loaded.p50_ms:.1f} ms, p99 {loaded.p99_ms:.1f} ms, {times}",
    )
    yield (
        "… of one whom these calls tell of",
        f"p50 {acting.p50_ms:.1f} ms, p99 {acting.p99_ms:.1f} ms ({acting.asked} asked)",
    )
    many = lookup.measure_devices(db)
    yield f"… of one with {lookup.DEVICES} devices", f"p50 {many.p50_ms:.1f} ms, p99 {many.p99_ms:.1f} ms"


def _exported(db: Path, count: int) -> Iterator[tuple[str, str]]:
    # JSON Lines of very many would take half an hour more.
    formats = exporting.FORMATS if count <= EXPORTED_EVENTS else ("csv", "parquet")
    for each in exporting.measure(db, count, formats):
        yield (
            f"export of {count:,} events, {each.format}",
            f"{each.rows_a_second:,.0f} rows/s, {each.ratio:.2f} of `sqlite3 -csv`, peak {each.peak_mb:.0f} MB",
        )


def _home(db: Path, count: int) -> Iterator[tuple[str, str]]:
    """Home, each span; and on stderr how SQLite goes about its questions."""
    for shown in home.measure(db):
        figure = f"p50 {shown.page_p50_ms:.0f} ms, longest {shown.page_max_ms:.0f} ms, first {shown.first_ms:.0f} ms"
        yield f"Home at {count:,}, {shown.span}", f"{figure} (the store's part: {shown.store_p50_ms:.0f} ms)"
    _tell(home.plans(db))


def _opened(db: Path) -> Iterator[tuple[str, str]]:
    """A customer of 50 devices and 100,000 events, and on stderr how SQLite goes about each question of the page."""
    customer.add_customer(db)
    for way in customer.measure(db):
        figure = f"p50 {way.p50_ms:.1f} ms, p99 {way.p99_ms:.1f} ms, first {way.first_ms:.0f} ms"
        yield f"customer of {customer.EVENTS:,} events, {way.what}", figure
    _tell(customer.plans(db))


def _tell(plans: list[customer.Plan]) -> None:
    for plan in plans:
        click.echo(f"{'SCANS ' if plan.scans else ''}{plan.query[:160]}", err=True)
        for step in plan.steps:
            click.echo(f"    {step}", err=True)


def _keep(rows: list[tuple[str, str]]) -> None:
    cores = os.cpu_count()
    machine = f"{cores} cores, {platform.system()}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    lines = [f"\n## {datetime.now(UTC):%Y-%m-%d} ({machine})\n", "| what | figure |", "| --- | --- |"]
    lines += [f"| {what} | {figure} |" for what, figure in rows]
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    bench()
