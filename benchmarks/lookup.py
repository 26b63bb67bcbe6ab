"""What the activity of one customer costs through the HTTP API, warm: p50 and p99 in ms.

Enters: a filled database. Leaves: percentiles over customers drawn with a fixed seed, one request at a time: as they
are, of one who has many devices, and while calls come in.
"""

from __future__ import annotations

import json
import math
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from random import Random
from urllib.parse import quote

from msgspec import Struct

from benchmarks import openloop
from benchmarks.fill import GROUP_EVENTS, keys_of
from benchmarks.ingest import ROOT, collector
from collector.event import DAY_MS, MINUTE_MS, Event, Trust
from collector.store.sqlite.store import SqliteStore

ASKED = 1_000
ACTING_S_MAX = 30
DEVICES, EVENTS_A_DEVICE = 200, 40
OF_DEVICES = "of-200-devices"


class LookUp(Struct, frozen=True):
    asked: int
    p50_ms: float
    p99_ms: float


def measure(db: Path) -> LookUp:
    """Ask for the newest 50 events of many customers, once to warm up and once to measure."""
    with collector(db) as port:
        return ask(db, port, customers(db))


def measure_devices(db: Path) -> LookUp:
    """The same of one customer who has 200 devices; it is added to the database."""
    _add_customer(db)
    with collector(db) as port:
        return ask(db, port, [OF_DEVICES] * ASKED)


def measure_while_loaded(db: Path, rate: float) -> tuple[LookUp, LookUp, LookUp]:
    """Many customers by the same collector: idle, then while it takes in so many calls a second.

    Last, of whom these calls tell: what was acknowledged before such a look-up is waited for, so that as many are asked
    as half a minute takes.
    """
    with collector(db) as port:
        keys = customers(db)
        idle = ask(db, port, keys)
        with openloop.running(port, keys_of("shop"), rate, seconds=3_600) as load:
            loaded = ask(db, port, keys)
            acting = ask(db, port, Random(1).choices(openloop.known_customers(), k=ASKED // 25), ACTING_S_MAX)
            if load.poll() is not None:
                raise SystemExit("the load ended before the look-ups")
            return idle, loaded, acting


def customers(db: Path) -> list[str]:
    conn = sqlite3.connect(db)
    keys = [key for (key,) in conn.execute("SELECT customer FROM v_customers WHERE deleted = 0 LIMIT 100000")]
    conn.close()
    return Random(1).choices(keys, k=ASKED)


def ask(db: Path, port: int, keys: list[str], seconds_max: float = math.inf) -> LookUp:
    """Twice, to warm up first; each time as many as are begun in so many seconds."""
    headers = {"authorization": f"Bearer {_token(db)}"}
    with closing(HTTPConnection("127.0.0.1", port)) as client:
        taken = sorted([list(_asked(client, keys, headers, seconds_max)) for _ in range(2)][1])
    return LookUp(len(taken), taken[len(taken) // 2], taken[len(taken) * 99 // 100])


def _asked(client: HTTPConnection, keys: list[str], headers: dict[str, str], seconds_max: float) -> Iterator[float]:
    began = time.monotonic()
    for key in keys:
        if time.monotonic() - began > seconds_max:
            return
        yield _ask(client, key, headers)


def _ask(client: HTTPConnection, key: str, headers: dict[str, str]) -> float:
    """Of the clients in the library the one that takes the least itself: it shares the cores with what it measures."""
    began = time.perf_counter()
    client.request("GET", f"/api/customers/{quote(key, safe='')}/activity?limit=50", headers=headers)
    answer = client.getresponse()
    answer.read()
    if answer.status != 200:
        raise SystemExit(f"a look-up was answered {answer.status}")
    return (time.perf_counter() - began) * 1_000


def _token(db: Path) -> str:
    name = f"bench-{time.time_ns()}"
    command = [sys.executable, "-m", "collector", "token", "create", name, "--scope", "read", "--json", "--db", str(db)]
    token: str = json.loads(subprocess.check_output(command, cwd=ROOT))["token"]
    return token


def _add_customer(db: Path) -> None:
    """Each device logs in once and is used for a day of its own, the events of all devices in the order of time."""
    store = SqliteStore.open(str(db))
    now = time.time_ns() // 1_000_000 - MINUTE_MS
    events = [_event(n, now) for n in range(DEVICES * EVENTS_A_DEVICE)]
    for at in range(0, len(events), GROUP_EVENTS):
        store.append(events[at : at + GROUP_EVENTS])
        while store.follow(GROUP_EVENTS):
            pass
    store.close()


def _event(n: int, now: int) -> Event:
    place, device = divmod(n, DEVICES)
    time_ms = now - (EVENTS_A_DEVICE - place) * DAY_MS + device * MINUTE_MS
    return Event(
        site="shop",
        id=f"devices-{n}",
        trust=Trust.BROWSER,
        type="page" if place else "identify",
        name="",
        time=time_ms,
        received=time_ms,
        visitor=f"one-of-many-{device}",
        user=None if place else OF_DEVICES,
        url=f"https://www.shop.example/p/{n % 500}",
        title=f"Thing {n % 500}",
        channel="direct",
    )
