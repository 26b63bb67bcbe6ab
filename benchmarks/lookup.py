"""What the activity of one customer costs through the HTTP API, warm: p50 and p99 in ms.

Enters: a filled database. Leaves: percentiles over customers drawn with a fixed seed, one request at a time.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from urllib.parse import quote

import httpx
from msgspec import Struct

from benchmarks.ingest import ROOT, collector

ASKED = 1_000


class LookUp(Struct, frozen=True):
    events: int
    p50_ms: float
    p99_ms: float


def measure(db: Path) -> LookUp:
    """Ask for the newest 50 events of many customers, once to warm up and once to measure."""
    conn = sqlite3.connect(db)
    events = conn.execute("SELECT count(*) FROM events").fetchone()[0]
    keys = [key for (key,) in conn.execute("SELECT customer FROM v_customers WHERE deleted = 0 LIMIT 100000")]
    conn.close()
    asked = Random(1).choices(keys, k=ASKED)
    headers = {"authorization": f"Bearer {_token(db)}"}
    with collector(db) as port, httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers) as client:
        taken = [[_ask(client, key) for key in asked] for _ in range(2)][1]
    taken.sort()
    return LookUp(events, taken[len(taken) // 2], taken[len(taken) * 99 // 100])


def _ask(client: httpx.Client, key: str) -> float:
    began = time.perf_counter()
    client.get(f"/api/customers/{quote(key, safe='')}/activity?limit=50").raise_for_status()
    return (time.perf_counter() - began) * 1_000


def _token(db: Path) -> str:
    name = f"bench-{time.time_ns()}"
    command = [sys.executable, "-m", "collector", "token", "create", name, "--scope", "read", "--json", "--db", str(db)]
    token: str = json.loads(subprocess.check_output(command, cwd=ROOT))["token"]
    return token
