"""`footfall customer KEY`: who this is and what they have done, in the terminal.

What enters: a key. What leaves: the profile and the newest events, for people or as JSON.
"""

from __future__ import annotations

import sys
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from collector.cli.export import opened_file
from collector.cli.options import as_json, moment, note, now_ms, opened, print_json, setting, settings_of
from collector.cli.plain import plain
from collector.errors import Misuse, NotFound
from collector.spoken import counted
from collector.store import Activity, ActivityPage, ActivityQuery, OrderTotals, Profile
from collector.store.audit import Act
from collector.web import everything, render

PROPERTIES_SHOWN_MAX = 80


@click.command()
@click.argument("key")
@click.option("--limit", type=click.IntRange(0, 100), default=20, help="How many events.  [default 20]")
@click.option("--all", "whole", is_flag=True, help="Everything held about the person, as JSON, to hand over.")
@click.option("--page", metavar="FILE", help="With --all: as a page to read, an HTML file, instead.")
@setting("db")
@as_json
def customer(key: str, limit: int, whole: bool, page: str | None, db: str | None, as_json: bool) -> None:
    """One customer: who, and what they have done, newest first.

    KEY is a user id, email:ADDRESS or visitor:ANONYMOUS_ID.
    """
    if page and not whole:
        raise Misuse("--page goes with --all")
    if whole:
        _hand_over(key, page, db)
        return
    _show(key, limit, db, as_json)


def _hand_over(key: str, page: str | None, db: str | None) -> None:
    with opened(db) as store:
        while store.follow():
            pass
        found = store.everything(key, now_ms())
        note(store, Act.HANDED_OVER, key)
    with opened_file(page or "-", settings_of(db=db).db) as file:
        file.write(everything.as_page(found) if page else everything.as_json(found) + b"\n")


def _show(key: str, limit: int, db: str | None, as_json: bool) -> None:
    with opened(db) as store:
        while store.follow():
            pass
        profile = store.profile(key)
        page = store.activity(key, ActivityQuery(limit=max(limit, 1)))
        if profile is not None:
            note(store, Act.LOOKED_UP, profile.key)
    if profile is None or page is None:
        raise NotFound(f"there is no customer {key}")
    page = ActivityPage(page.events[:limit], page.next)
    if as_json:
        print_json(render.profile(profile) | {"activity": render.activity(page)})
        return
    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False)
    console.print(_who(profile))
    if profile.visitors:
        console.print(_visitors(profile))
    console.print(_timeline(page.events))
    if page.next:
        console.print(Text("… older events: --limit, or the API's cursor", "dim"))


def _who(of: Profile) -> Table:
    facts = {
        "customer": f"{of.key} ({of.kind})",
        "ids": ", ".join(f"{known.kind} {known.value} ({known.strength})" for known in of.ids),
        "traits": ", ".join(f"{name}: {_short(value)}" for name, value in of.traits.items()),
        "seen": f"{_when(of.first_seen)} to {_when(of.last_seen)}, {counted(of.events, 'event')}",
        "orders": _orders(of.orders),
        "money": "; ".join(f"{m.net} {m.currency} net ({m.gross} less {m.refunded})" for m in of.money),
        "consent": ", ".join(name for name, granted in of.consent.items() if granted),
        "claimed": ", ".join(f"visitor {each.visitor} at {moment(each.time)}" for each in of.claimed),
    }
    table = Table.grid("", "", padding=(0, 2))
    for name, value in facts.items():
        if value:
            table.add_row(Text(name, "dim"), _cell(value))
    return table


def _visitors(of: Profile) -> Table:
    table = _table("visitor", "from", "to", "because", "strength")
    for each in of.visitors:
        row = (each.visitor, moment(each.from_time), _when(each.to_time, "still"), each.why, each.strength)
        table.add_row(*map(_cell, row))
    return table


def _timeline(events: list[Activity]) -> Table:
    table = _table("time", "event", "where", "what", "because")
    for each in events:
        name = each.name if each.type == "track" else f"{each.type} {each.name}".strip()
        row = (moment(each.time), name, each.url or each.site, _short_text(each.properties), each.why or "")
        table.add_row(*map(_cell, row))
    return table


def _table(*columns: str) -> Table:
    return Table(*columns, box=None, pad_edge=False, padding=(0, 2, 0, 0), title_justify="left")


def _cell(value: str) -> Text:
    # Text is not markup; `plain` takes out what the terminal would obey.
    return Text(plain(value), overflow="ellipsis", no_wrap=False)


def _orders(of: OrderTotals) -> str:
    if not of.count:
        return ""
    unconfirmed = f", {of.unconfirmed} unconfirmed" if of.unconfirmed else ""
    return f"{of.count}{unconfirmed}, {_when(of.first)} to {_when(of.last)}"


def _when(ms: int | None, otherwise: str = "never") -> str:
    return otherwise if ms is None else moment(ms)


def _short(value: Any) -> str:
    return value if isinstance(value, str) else _short_text(msgspec.json.encode(value).decode())


def _short_text(value: str) -> str:
    return value if len(value) <= PROPERTIES_SHOWN_MAX else value[:PROPERTIES_SHOWN_MAX] + "…"
