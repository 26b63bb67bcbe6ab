"""How many calls a second get safely to disk, as a ratio to what the same server does with a no-op endpoint.

Enters: rounds and seconds. Leaves: medians of the rounds, taken in turn. The load is wrk's: 64 connections on one core,
one call a request, and 20. Each answer counts only if it is a 200, and as many events must be in the file afterwards.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median
from urllib.error import HTTPError
from urllib.request import urlopen

from msgspec import Struct
from msgspec.structs import replace

ROOT = Path(__file__).parents[1]
CONNECTIONS = 64
BATCH = 20
_UNITS_MS = {"us": 0.001, "ms": 1.0, "s": 1_000.0}


class Ingest(Struct, frozen=True):
    """Requests a second of both, their ratio, the collector's 99th percentile. `lost`: answered, not in the file.

    `batch_events_rate` and `batch_ratio`: events a second in batches of 20, and of that for each request of the no-op.
    `full_filed_s` and `batch_filed_s`: how long after the load its last call was in the log, all derived from it.
    """

    noop_rate: float
    full_rate: float
    ratio: float
    full_p99_ms: float
    batch_events_rate: float
    batch_ratio: float
    full_filed_s: float
    batch_filed_s: float
    stored: int
    lost: int


class Round(Struct, frozen=True):
    rate: float
    answered: int
    p99_ms: float
    filed_s: float = 0.0


def measure(folder: Path, rounds: int, seconds: int) -> Ingest:
    """Run both servers at once, load them in turn."""
    db = folder / "ingest.db"
    key = _add_site(db)
    noops, fulls, batches = [], [], []
    with _noop() as noop_port, collector(db) as port:
        for _ in range(rounds):
            noops.append(_load(noop_port, key, seconds))
            fulls.append(_filed(port, _load(port, key, seconds)))
            batches.append(_filed(port, _load(port, key, seconds, BATCH)))
    stored = sqlite3.connect(db).execute("SELECT count(*) FROM events").fetchone()[0]
    noop_rate, full_rate = (median(each.rate for each in taken) for taken in (noops, fulls))
    answered = sum(each.answered for each in fulls) + BATCH * sum(each.answered for each in batches)
    return Ingest(
        noop_rate=noop_rate,
        full_rate=full_rate,
        ratio=median(full.rate / noop.rate for full, noop in zip(fulls, noops, strict=True)),
        full_p99_ms=median(each.p99_ms for each in fulls),
        batch_events_rate=BATCH * median(each.rate for each in batches),
        batch_ratio=median(BATCH * each.rate / noop.rate for each, noop in zip(batches, noops, strict=True)),
        full_filed_s=median(each.filed_s for each in fulls),
        batch_filed_s=median(each.filed_s for each in batches),
        stored=stored,
        lost=max(0, answered - stored),
    )


@contextmanager
def collector(db: Path) -> Iterator[int]:
    """The port of `footfall serve`, until the end of the block."""
    with serving(db) as (port, _):
        yield port


@contextmanager
def serving(db: Path) -> Iterator[tuple[int, int]]:
    """`footfall serve` on a free port: that, and the number of its process."""
    command = [sys.executable, "-m", "collector", "serve", "--port", "0", "--json", "--db", str(db)]
    with _process(command) as process:
        assert process.stdout is not None
        port = json.loads(process.stdout.readline())["port"]
        _wait_until_ready(port)
        yield port, process.pid


def _wait_until_ready(port: int) -> None:
    """As whoever sends it calls does: what is taken in beside its start says nothing about how it goes on."""
    with suppress(HTTPError), urlopen(f"http://127.0.0.1:{port}/readyz") as answer:
        if answer.status == 200:
            return
    time.sleep(0.02)
    _wait_until_ready(port)


@contextmanager
def _noop() -> Iterator[int]:
    with _process([sys.executable, "-m", "benchmarks.noop"]) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())


@contextmanager
def _process(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
        if process.stdout:
            process.stdout.close()


def _add_site(db: Path) -> str:
    command = [
        sys.executable,
        "-m",
        "collector",
        "site",
        "add",
        "shop",
        "--consent",
        "opt-out",
        "--json",
        "--db",
        str(db),
    ]
    key: str = json.loads(subprocess.check_output(command, cwd=ROOT))["write_key"]
    return key


def load_core() -> list[str]:
    """What a command begins with to run on the core that is for load."""
    return ["taskset", "-c", str((os.cpu_count() or 1) - 1)]


def _load(port: int, key: str, seconds: int, batch: int = 1) -> Round:
    script = str(Path(__file__).with_name("hits.lua"))
    command = [*load_core(), "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-s", script]
    said = subprocess.check_output(
        [*command, f"http://127.0.0.1:{port}"], text=True, env={**os.environ, "WRITE_KEY": key, "BATCH": str(batch)}
    )
    if "Non-2xx" in said or "Socket errors" in said:
        raise SystemExit(f"the load met errors:\n{said}")
    return _read(said)


def _filed(port: int, load: Round) -> Round:
    began_s = time.monotonic()
    wait_until_filed(port)
    return replace(load, filed_s=time.monotonic() - began_s)


def wait_until_filed(port: int) -> None:
    """All that was acknowledged, and derived from: the next round is not to be done beside it."""
    while backlog(port):
        time.sleep(0.05)


def backlog(port: int) -> int:
    """How many acknowledged events are not filed, or not derived from."""
    with urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        found = re.search(r"^footfall_store_backlog (\S+)", answer.read().decode(), re.MULTILINE)
    assert found
    return int(float(found[1]))


def _read(said: str) -> Round:
    rate, answered, p99 = (
        re.search(pattern, said)
        for pattern in (r"Requests/sec:\s+([\d.]+)", r"(\d+) requests in", r"99%\s+([\d.]+)(us|ms|s)\b")
    )
    assert rate and answered and p99, said
    return Round(float(rate[1]), int(answered[1]), float(p99[1]) * _UNITS_MS[p99[2]])
