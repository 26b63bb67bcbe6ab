"""What Home costs over a filled database: server time of each span, first and warm, and how SQLite goes about it.

Enters: a filled database. Leaves: milliseconds of the whole page (the request through the application, no network) and
of the store's answer in it; the plan of each query. The application's clock stands a little behind the newest event.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct
from starlette.testclient import TestClient

from benchmarks.customer import Plan
from collector.app import build_app
from collector.config import read_settings
from collector.event import MINUTE_MS
from collector.ingest.keys import secret_hash
from collector.store.overview import OverviewQuery, Span
from collector.store.sqlite.connection import connect
from collector.store.sqlite.overview import overview
from collector.store.sqlite.store import SqliteStore

ROUNDS = 30
LINK = "sl_benchmark"
HOST = "http://collector.example"
# What may be gone through one by one: lists that were handed in, and a shop's few sites.
SCANS = re.compile(r"^SCAN (?!json_each|sought|sites)")


class Shown(Struct, frozen=True):
    """Milliseconds of one span, the one before included."""

    span: str
    first_ms: float
    page_p50_ms: float
    page_max_ms: float
    store_p50_ms: float


def measure(db: Path) -> list[Shown]:
    """Ask for each span over all sites, many times."""
    store = SqliteStore.open(str(db))
    newest = _newest(db)
    store.put_signin_link(secret_hash(LINK), newest)
    app = build_app(read_settings({"db": str(db), "url": HOST}, {}), store)
    app.state.clock_ms = lambda: newest
    try:
        with TestClient(app, base_url=HOST) as client:
            client.post("/console/signin", data={"link": LINK, "next": ""}, headers={"origin": HOST})
            return [_shown(client, store, span, newest) for span in Span]
    finally:
        store.close()


def plans(db: Path) -> list[Plan]:
    """The plan of each query that Home asks."""
    conn = connect(str(db), create=False, read_only=True)
    asked: dict[str, str] = {}
    conn.set_trace_callback(lambda sql: asked.setdefault(re.sub(r"'[^']*'|-?\d+", "?", sql), sql))
    for span in (Span.TODAY, Span.QUARTER):
        overview(conn, OverviewQuery(span=span, now=_newest(db)))
    conn.set_trace_callback(None)
    found = [_plan(conn, sql) for sql in asked.values()]
    conn.close()
    return found


def _shown(client: TestClient, store: SqliteStore, span: Span, now: int) -> Shown:
    def page() -> None:
        client.get(f"/console/?span={span}").raise_for_status()

    first_ms = _taken_ms(page)
    pages = sorted(_taken_ms(page) for _ in range(ROUNDS))
    query = OverviewQuery(span=span, now=now)
    answers = sorted(_taken_ms(lambda: store.overview(query)) for _ in range(ROUNDS))
    return Shown(span, first_ms, pages[ROUNDS // 2], pages[-1], answers[ROUNDS // 2])


def _taken_ms(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1_000


def _newest(db: Path) -> int:
    conn = sqlite3.connect(db)
    received: int = conn.execute("SELECT time + lag FROM events ORDER BY seq DESC LIMIT 1").fetchone()[0]
    conn.close()
    return received + MINUTE_MS


def _plan(conn: sqlite3.Connection, sql: str) -> Plan:
    steps = tuple(step for *_, step in conn.execute(f"EXPLAIN QUERY PLAN {sql}"))
    return Plan(" ".join(sql.split()), steps, any(SCANS.search(step) for step in steps))
