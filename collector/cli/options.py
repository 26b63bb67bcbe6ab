"""What the commands share: options that are settings, opening the store, keys, and printing.

What enters: flags. What leaves: settings, an open store, lines on stdout.
"""

from __future__ import annotations

import getpass
import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click
import msgspec

from collector.cli.plain import plain
from collector.config import SETTINGS, Settings, read_settings
from collector.store import Store
from collector.store.audit import Act, Actor, By, Deed
from collector.store.sqlite.store import SqliteStore

F = TypeVar("F", bound=Callable[..., Any])

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")


def setting(*names: str) -> Callable[[F], F]:
    """Options for these settings. What is not given stays None, so that the environment can speak."""

    def decorate(function: F) -> F:
        for name, default, text in reversed(SETTINGS):
            if name in names:
                function = _option(name, default, text)(function)
        return function

    return decorate


def _option(name: str, default: Any, text: str) -> Callable[[F], F]:
    repeats = isinstance(default, tuple)
    shown = "repeats" if repeats else f"default {default}" if default else ""
    return click.option(
        f"--{name.replace('_', '-')}",
        name,
        default=None,
        multiple=repeats,
        type=str if repeats else type(default),
        help=f"{text[0].upper()}{text[1:]}." + (f" [{shown}]" if shown else ""),
    )


def settings_of(**flags: Any) -> Settings:
    """Flags, then FOOTFALL_*, then defaults."""
    return read_settings(flags, os.environ)


@contextmanager
def opened(db: str | None, *, create: bool = False) -> Iterator[SqliteStore]:
    """The store of this command. Raises NotFound where there is no file and none is to be made."""
    store = SqliteStore.open(settings_of(db=db).db, create=create)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def opened_or_made(db: str | None) -> Iterator[SqliteStore]:
    """The store of this command, made where there is none. A person who watches is told: the path may be a slip."""
    path = settings_of(db=db).db
    is_new = sys.stderr.isatty() and not os.path.exists(path)
    with opened(db, create=True) as store:
        if is_new:
            click.echo(f"footfall: a new database was made at {plain(os.path.abspath(path))}", err=True)
        yield store


def note(store: Store, act: Act, subject: str) -> None:
    """Tell the audit log what a command did, by which account of the machine. Where that cannot be, it fails."""
    try:
        account = getpass.getuser()
    except (KeyError, OSError):
        account = ""
    at = now_ms()
    store.note([Deed(actor=Actor(By.COMMAND, account), act=act, subject=subject, time=at, last=at)])


def named(db: str) -> str:
    """What another command must be told to find this database; '' where it finds it by itself."""
    return "" if settings_of().db == db else f" --db {shlex.quote(db)}"


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def print_json(value: Any) -> None:
    """One line of JSON on stdout."""
    click.echo(msgspec.json.encode(value).decode())


def moment(ms: int) -> str:
    """A time for people, in UTC."""
    return time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(ms / 1_000))
