"""Exports: a dataset's rows in the dictionary's column order, page by page, in memory that does not grow.

What enters: a database file and a query. What leaves: batches of rows and the cursor to go on from. Each page is one
short statement on a connection of the export's own, so that the log's WAL can be checkpointed meanwhile.
It knows no file format: times are ms, decimals and JSON are text.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from typing import Any

from msgspec import Struct

from collector.errors import Misuse
from collector.store import Export, ExportQuery
from collector.store.datasets import Column, Dataset, Kind, columns, dataset
from collector.store.sqlite.columns import SELECTS, Select, Stored
from collector.store.sqlite.connection import connect
from collector.store.sqlite.subscribing import mailing_list

PAGE_ROWS = 1_000

# What a cursor counts: commit order, changes, or erasures. None of them ever goes back, also when rows are erased.
_LATEST = {
    "events": "SELECT seq FROM sqlite_sequence WHERE name = 'events'",
    "consents": "SELECT seq FROM sqlite_sequence WHERE name = 'events'",
    "erasures": "SELECT seq FROM sqlite_sequence WHERE name = 'erasures'",
}
_LATEST_CHANGE = "SELECT value FROM meta WHERE key = 'rev'"
_SITE = "SELECT id FROM sites WHERE name = ?"

Row = tuple[Any, ...]


class _Plan(Struct, frozen=True):
    """One page's statement, and what stays bound from page to page; rows in (since, latest] are wanted.

    `makers`: for each column of the dataset how it is made of what is read, None where it is what is read.
    """

    statement: str
    makers: tuple[Stored | None, ...]
    bound: dict[str, Any]
    keys: int
    since: int
    latest: int


def export(path: str, name: str, query: ExportQuery) -> Export:
    """Begin an export: its end is fixed now, its rows are read as they are asked for.

    Raises NotFound for an unknown dataset, Misuse for a query that makes no sense; both before the first batch.
    """
    of = dataset(name)
    if query.mailing is not None:
        return _mailing(path, of, query, query.mailing)
    listed = columns(of, resolve=query.resolve)
    select = SELECTS[f"{name}_resolved" if query.resolve else name]
    with closing(connect(path, create=False, read_only=True)) as conn:
        terms, bound = _filter(conn, of, select, query)
        latest = _latest(conn, name)
    makers = tuple(select.stored.get(column.name) for column in listed)
    statement = _page(of, select, listed, terms)
    plan = _Plan(statement, makers, bound, len(select.keys), _since(query.since, latest), latest)
    return Export(batches=_batches(path, plan, of.kind), next=str(latest))


def _mailing(path: str, of: Dataset, query: ExportQuery, topic: str) -> Export:
    columns(of, resolve=False, mailing=topic)
    if query.since is not None or query.start is not None or query.end is not None or query.site is not None:
        raise Misuse("a mailing list is as of now and of all sites")
    with closing(connect(path, create=False, read_only=True)) as conn:
        latest = _latest(conn, of.name)
    return Export(batches=_addresses(path, topic, everybody=query.everybody), next=str(latest))


def _addresses(path: str, topic: str, *, everybody: bool) -> Iterator[list[Row]]:
    with closing(connect(path, create=False, read_only=True)) as conn:
        yield from filter(None, mailing_list(conn, topic, everybody=everybody))


def _batches(path: str, plan: _Plan, kind: Kind) -> Iterator[list[Row]]:
    with closing(connect(path, create=False, read_only=True)) as conn:
        yield from _windows(conn, plan) if kind is Kind.APPEND else _pages(conn, plan)


def _latest(conn: sqlite3.Connection, name: str) -> int:
    row = conn.execute(_LATEST.get(name, _LATEST_CHANGE)).fetchone()
    return int(row[0]) if row else 0


def _since(cursor: str | None, latest: int) -> int:
    """The cursor as a number. One from the future belongs to another database, or to one that was restored."""
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 19):
        raise Misuse("since is no cursor that an export gave")
    if int(cursor) > latest:
        raise Misuse(f"since is ahead of this database, which is at {latest}: export anew without it")
    return int(cursor)


def _page(of: Dataset, select: Select, listed: tuple[Column, ...], terms: list[str]) -> str:
    wanted = [sql for column in listed for sql in _read(select, column.name)]
    keys = ", ".join(select.keys)
    if of.kind is Kind.APPEND:
        terms = [*terms, f"{keys} > :after", f"{keys} <= :until"]
        tail = f"ORDER BY {keys}"
    else:
        # The index by rev holds the primary key behind it: the order costs nothing.
        wanted = [*select.keys, *wanted]
        last = ", ".join(f":key{at}" for at in range(len(select.keys)))
        terms = [*terms, f"({keys}) > ({last})", f"{select.keys[0]} <= :until"]
        tail = f"ORDER BY {keys} LIMIT {PAGE_ROWS}"
    return f"SELECT {', '.join(wanted)}\nFROM {select.source}\nWHERE {' AND '.join(terms)}\n{tail}"


def _read(select: Select, column: str) -> tuple[str, ...]:
    return select.stored[column].columns if column in select.stored else (select.columns[column],)


def _filter(
    conn: sqlite3.Connection, of: Dataset, select: Select, query: ExportQuery
) -> tuple[list[str], dict[str, Any]]:
    terms = [select.where] if select.where else []
    bound: dict[str, Any] = {"start": query.start, "end": query.end}
    gone = select.columns.get("deleted", "0")
    if query.since is None and gone != "0":
        terms.append(f"{gone} = 0")
    # What is gone is told whatever its time was: a copy may hold it.
    if query.end is not None:
        terms.append(f"({select.time} < :end OR {gone})")
    if query.start is not None and select.until:
        terms.append(f"({select.until} IS NULL OR {select.until} > :start OR {gone})")
    elif query.start is not None:
        terms.append(f"({select.time} >= :start OR {gone})")
    if query.site is not None:
        site = conn.execute(_SITE, (query.site,)).fetchone()
        if site is None:
            raise Misuse(f"there is no site {query.site!r}")
        if of.by_site:
            bound["site"] = site[0]
            terms.append(f"{select.site} = :site")
    return terms, bound


def _windows(conn: sqlite3.Connection, plan: _Plan) -> Iterator[list[Row]]:
    """Windows of the commit order: each costs the same, however few of its rows are wanted."""
    for after in range(plan.since, plan.latest, PAGE_ROWS):
        window = {"after": after, "until": min(after + PAGE_ROWS, plan.latest)}
        if rows := conn.execute(plan.statement, plan.bound | window).fetchall():
            yield _made(rows, plan.makers)


def _made(rows: list[Row], makers: tuple[Stored | None, ...]) -> list[Row]:
    """What was read as columns of the dataset."""
    if not any(makers):
        return rows
    read = iter(zip(*rows, strict=True))
    return list(
        zip(
            *(next(read) if maker is None else map(maker.read, *islice(read, len(maker.columns))) for maker in makers),
            strict=True,
        )
    )


def _pages(conn: sqlite3.Connection, plan: _Plan) -> Iterator[list[Row]]:
    """Pages of a feed, each from the last row's keys on."""
    # Everything under `since` was read: a BLOB sorts behind every number and text that a key can be.
    last: Row = (plan.since, *[b""] * (plan.keys - 1))
    while True:
        after = {f"key{at}": key for at, key in enumerate(last)}
        rows = conn.execute(plan.statement, plan.bound | after | {"until": plan.latest}).fetchall()
        if rows:
            yield [row[plan.keys :] for row in rows]
        if len(rows) < PAGE_ROWS:
            return
        last = rows[-1][: plan.keys]
