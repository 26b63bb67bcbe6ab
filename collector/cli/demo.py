"""`footfall demo`: collector, console and a small real shop on one server, with a made-up quarter of shoppers.

What enters: a file, an address, how many visitors to make up. What leaves: a listening process, and where to look.
The past is made on the first start alone; it goes through the same reading and enriching as any call.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import click
from msgspec.structs import replace
from rich.console import Console
from rich.progress import track

from collector import logs
from collector.app import build_app
from collector.cli.options import as_json, named, now_ms, print_json, setting, settings_of
from collector.cli.serve import listen
from collector.cli.serving import serve_app
from collector.config import Settings
from collector.demo import mounted
from collector.demo.books import Books, hashed
from collector.demo.courier import Courier
from collector.demo.shoppers import Sent, quarter
from collector.demo.visit import Shop
from collector.enrich.arrival import Arrival
from collector.errors import Misuse
from collector.event import Site
from collector.ingest.acceptance import accept
from collector.ingest.sites import new_site, rotated
from collector.spoken import counted
from collector.store import Entry, Store
from collector.store.sqlite.connection import refuse_file
from collector.store.sqlite.lock import is_new, take
from collector.store.sqlite.store import SqliteStore
from collector.web.console.signin import new_link
from collector.wire import envelope_of

SITE = "Demo shop"
DB = "footfall-demo.db"
ZONE = "Europe/Paris"
ORIGINS = ("http://127.0.0.1", "http://localhost", "http://[::1]")
VISITORS = 2_500
PASSWORD = "demo"
AT_ONCE = 2_000
GRACE_S = 1
STDERR = Console(stderr=True)


@click.command()
@click.option("--db", default=DB, envvar="FOOTFALL_DB", show_default=True, help="The database file.")
@setting("host", "port", "url")
@click.option("--visitors", type=click.IntRange(0, 200_000), default=VISITORS, show_default=True, help="To make up.")
@click.option("--seed", default=1, show_default=True, help="The same seed makes up the same visitors.")
@as_json
def demo(db: str, visitors: int, seed: int, as_json: bool, **where: Any) -> None:
    """A shop to walk about in, its past quarter, and the console beside it."""
    settings = settings_of(db=db, **where)
    logs.set_up(settings.log_format)
    if is_new(db):
        refuse_file(db)
    with take(db, "open the demo") as lock, listen(settings) as listener:
        settings = replace(settings, port=listener.getsockname()[1])
        lock.tell(settings.local_url, settings.public_url)
        if not os.path.exists(db):
            _make(settings, visitors, seed)
        store = SqliteStore.open(db, create=False)
        books = Books(_books(db))
        try:
            site, secret = _with_fresh_secret(store)
            courier = Courier(settings.local_url, secret)
            app = build_app(settings, store, [mounted(Shop(books=books, write_key=site.write_key, tell=courier.send))])
            _announce(settings, store, as_json)
            serve_app(app, listener, GRACE_S)
        finally:
            books.close()
            store.close()


def _make(settings: Settings, visitors: int, seed: int) -> None:
    """The file with its past. It gets its name when it is whole, so that a start that was interrupted is made again."""
    making = str(Path(settings.db).with_suffix(".making.db"))
    for leftover in (making, f"{making}-wal", f"{making}-shm"):
        Path(leftover).unlink(missing_ok=True)
    past = quarter(visitors, seed, now_ms(), f"{settings.public_url}/demo")
    site, _ = new_site(SITE, origins=ORIGINS, timezone=ZONE)
    store = SqliteStore.open(making, create=True)
    try:
        store.put_site(site)
        watched = track(past.sent, f"Making up {counted(visitors, 'visitor')}", console=STDERR, transient=True)
        live_through(store, site, watched if STDERR.is_terminal else past.sent)
    finally:
        store.close()
    books = Books(_books(settings.db))
    password = hashed(PASSWORD)
    books.bring_in([replace(account, password=password) for account in past.accounts], past.orders)
    books.close()
    os.replace(making, settings.db)


def live_through(store: Store, site: Site, sent: Iterable[Sent]) -> None:
    """Take in requests of the past, each as it would have been on its day, and derive all that follows from them."""
    entries = _entries(site, sent)
    while some := list(islice(entries, AT_ONCE)):
        store.append(some)
        while store.follow(AT_ONCE):
            pass


def _entries(site: Site, sent: Iterable[Sent]) -> Iterator[Entry]:
    for one in sent:
        arrival = Arrival(site=site, server=one.server, address=one.address, user_agent=one.user_agent)
        yield from accept(envelope_of(one.messages), arrival, one.received)


def _with_fresh_secret(store: Store) -> tuple[Site, str]:
    """The demo's site. Only hashes of secrets are kept, so the shop's back end gets a new one at each start."""
    found = next((site for site in store.sites() if site.name == SITE), None)
    if found is None:
        raise Misuse("that database is not a demo's; name another file by --db")
    site, secret = rotated(found, "secret")
    store.put_site(site)
    return site, secret


def _books(db: str) -> str:
    """The shop's own file, beside the collector's."""
    return str(Path(db).with_suffix(".shop.db"))


def _announce(settings: Settings, store: Store, as_json: bool) -> None:
    url = settings.public_url
    link = new_link(store, url, now_ms())
    if as_json:
        where = {"host": settings.host, "port": settings.port, "db": settings.db}
        print_json({"url": url, "shop": f"{url}/demo/", "console": link, "site": SITE, **where})
        return
    click.echo(
        f"""
The shop:     {url}/demo/
The console:  {link}
              (signs in once, within 15 minutes; {_command()} signin-link{named(settings.db)} makes another)

What to try:
  1. Open the console, choose Live, and walk about in the shop beside it. Allow it to watch you first.
  2. Use the code SUMMER25, let the card 4000 0000 0000 0002 be declined, then buy as a guest.
  3. Sign up with the same address, and find yourself under Customers: one person, the whole story.
Ctrl-C ends it; the next start goes on with the same file."""
    )


def _command() -> str:
    """How to type this command here: it may be on nobody's PATH."""
    typed = sys.argv[0]
    if typed.endswith("__main__.py"):
        return f"{sys.orig_argv[0]} -m collector"
    return "footfall" if shutil.which("footfall") else typed
