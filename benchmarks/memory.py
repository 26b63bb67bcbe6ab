"""Resident memory of all processes of a collector, after it has taken in calls and answered look-ups.

Enters: a filled database. Leaves: megabytes, shared pages counted in each process. It reads /proc.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks import lookup, openloop
from benchmarks.fill import keys_of
from benchmarks.ingest import serving

SECONDS = 5


def measure(db: Path, rate: float) -> float:
    """Load it with so many calls a second, look customers up, then add up."""
    with serving(db) as (port, pid):
        openloop.measure(port, keys_of("shop"), rate, SECONDS)
        lookup.ask(db, port, lookup.customers(db))
        return sum(map(_resident_mb, [pid, *_children(pid)]))


def _children(pid: int) -> list[int]:
    listed = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [*listed, *(each for child in listed for each in _children(child))]


def _resident_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))
