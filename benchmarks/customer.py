"""What it costs to open one customer with a very long history: the page as the console serves it, warm.

Enters: a filled database, to which one such customer is added. Leaves: milliseconds a request, and the plans of all
queries that a page asks. One request at a time.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import httpx
from msgspec import Struct

from benchmarks.fill import GROUP_EVENTS
from benchmarks.ingest import collector
from collector.event import DAY_MS, MINUTE_MS, Event, Setup, Trust
from collector.ingest.keys import secret_hash
from collector.store import ActivityQuery
from collector.store.sqlite.connection import connect
from collector.store.sqlite.filing import Filing
from collector.store.sqlite.store import SqliteStore
from collector.store.sqlite.stories import Stories

DEVICES, EVENTS = 50, 100_000
KEY = "of-many-devices"
RARE = "Coupon Denied"
ROUNDS = 100
LINK = "sl_benchmark"
NAMES = ("Product Viewed",) * 8 + ("Product Added", "Products Searched", "Product List Viewed", "Cart Viewed")
# What may be gone through one by one: lists that were handed in, bounded subqueries, a shop's few names.
SCANS = re.compile(r"^SCAN (?!json_each|sought|claimed|CONSTANT|\(subquery|names\b)")


class Opened(Struct, frozen=True):
    """Milliseconds of one way to open the page."""

    what: str
    first_ms: float
    p50_ms: float
    p99_ms: float


class Plan(Struct, frozen=True):
    """A query and how SQLite goes about it; `scans`: it reads a whole table."""

    query: str
    steps: tuple[str, ...]
    scans: bool


def add_customer(db: Path) -> None:
    """One customer, known on 50 devices by log-ins, with 100,000 events in 400 days."""
    store = SqliteStore.open(str(db))
    stream = _events()
    while group := list(islice(stream, GROUP_EVENTS)):
        store.append(group)
        while store.follow(GROUP_EVENTS):
            pass
    store.close()


def measure(db: Path) -> list[Opened]:
    """Open the page in each of the ways, many times."""
    store = SqliteStore.open(str(db))
    store.put_signin_link(secret_hash(LINK), time.time_ns() // 1_000_000)
    store.close()
    with collector(db) as port, httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        client.post("/console/signin", data={"link": LINK, "next": ""})
        page = f"/console/customers/{KEY}"
        day = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 200 * 86_400))
        return [
            _opened(client, "the page", page),
            _opened(client, "only a rare event", f"{page}?event={RARE.replace(' ', '+')}"),
            _opened(client, "one device", f"{page}?device=device-07"),
            _opened(client, "half a year ago", f"{page}?to={day}"),
            _opened(client, "the list, found by name", "/console/customers?q=longa"),
            _opened(client, "for comparison: a list of nobody", "/console/customers?q=nobody"),
        ]


def plans(db: Path) -> list[Plan]:
    """The plan of each query that a page asks, once."""
    conn = connect(str(db), create=False, read_only=True)
    asked: dict[str, str] = {}
    conn.set_trace_callback(lambda sql: asked.setdefault(re.sub(r"'[^']*'|-?\d+", "?", sql), sql))
    Filing(conn).dossier(KEY)
    Stories(conn).story(KEY, ActivityQuery(event=RARE))
    Stories(conn).event_names(KEY)
    conn.set_trace_callback(None)
    found = [_plan(conn, sql) for sql in asked.values() if "SELECT" in sql]
    conn.close()
    return found


def _plan(conn: sqlite3.Connection, sql: str) -> Plan:
    steps = tuple(step for *_, step in conn.execute(f"EXPLAIN QUERY PLAN {sql}"))
    return Plan(" ".join(sql.split()), steps, any(SCANS.search(step) for step in steps))


def _opened(client: httpx.Client, what: str, path: str) -> Opened:
    def ask() -> float:
        began = time.perf_counter()
        client.get(path).raise_for_status()
        return (time.perf_counter() - began) * 1_000

    return _summed(what, ask)


def _summed(what: str, ask: Callable[[], float]) -> Opened:
    first = ask()
    taken = sorted(ask() for _ in range(ROUNDS))
    return Opened(what, first, taken[ROUNDS // 2], taken[ROUNDS * 99 // 100])


def _events() -> Iterator[Event]:
    random = Random(7)
    now = time.time_ns() // 1_000_000
    step_ms = 400 * DAY_MS // EVENTS
    for n in range(EVENTS):
        # A device is used for a while, then another one; each logs in when it is first used.
        device = (n // 40) % DEVICES
        told: dict[str, Any] = {"type": "page"} if n % 2 else {"type": "track", "name": random.choice(NAMES)}
        if n < 40 * DEVICES and n % 40 == 0:
            told = {"type": "identify", "user": KEY, "email": "longa@mail.example"}
            told["properties"] = '{"email":"longa@mail.example","name":"Longa Historia"}'
        elif n == EVENTS // 2:
            told = {"type": "track", "name": RARE}
        yield Event(
            site="shop",
            id=f"long-{n}",
            trust=Trust.BROWSER,
            time=now - 400 * DAY_MS - MINUTE_MS + n * step_ms,
            received=now - 400 * DAY_MS - MINUTE_MS + n * step_ms,
            visitor=f"device-{device:02}",
            url=f"https://shop.example/p/{n % 500}",
            title=f"Thing {n % 500}",
            channel="direct",
            setup=Setup(device="desktop", browser="Firefox", browser_version="153", os="Linux"),
            consent="Analytics",
            **{"name": "", "properties": '{"product_id":"p1","name":"Thing","price":9.5,"quantity":1}', **told},
        )
