"""How fast events leave, and in how much memory: each format against `sqlite3 -csv` running the same statement.

Enters: a filled database. Leaves: rows a second, the ratio, and the command's peak resident memory.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from benchmarks.ingest import ROOT

FORMATS = ("csv", "jsonl", "parquet")


class Exported(Struct, frozen=True):
    format: str
    rows_a_second: float
    ratio: float
    peak_mb: float


def measure(db: Path, rows: int, formats: Sequence[str] = FORMATS) -> list[Exported]:
    """Export the whole of `events` in each of the formats; `rows` is how many there are."""
    dump_s = _timed(["sqlite3", "-csv", "-header", str(db), "SELECT * FROM v_events"])
    taken = []
    for form in formats:
        out = str(db.with_suffix(f".{form}"))
        command = ["export", "events", "--format", form, "--out", out, "--db", str(db)]
        seconds = _timed([sys.executable, "-m", "benchmarks.exporting", *command])
        peak_mb = float(Path(f"{out}.peak").read_text())
        taken.append(Exported(form, rows / seconds, dump_s / seconds, peak_mb))
        Path(out).unlink()
        Path(f"{out}.peak").unlink()
    return taken


def _timed(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began


def _run_and_note_peak(arguments: list[str]) -> None:
    """The command in a child, so that its peak is its own."""
    subprocess.run([sys.executable, "-m", "collector", *arguments], cwd=ROOT, check=True)
    peak_kb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    Path(arguments[arguments.index("--out") + 1] + ".peak").write_text(str(peak_kb / 1024))


if __name__ == "__main__":
    _run_and_note_peak(sys.argv[1:])
