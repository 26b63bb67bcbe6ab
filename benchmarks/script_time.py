"""Script time that the snippet costs a page, over an empty page, beside another tracker's, in the same run.

`PYTHONPATH=tests .venv/bin/python -m benchmarks.script_time OTHER.js`: Chromium, slowed down to a quarter, each page in
a fresh profile. OTHER.js is the other tracker, built (for Umami: its `public/script.js`); it is not part of this
repository. Leaves a table.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import click
from browsers.engines.bidi import BidiTab
from browsers.engines.chromium import Chromium
from browsers.serving import HOST, Shop
from conftest import Collector, make_site

from collector.store.sqlite.store import SqliteStore

SLOWED = 4
SETTLE_S = 2  # until what a page has to send is sent
COUNTED = ("ScriptDuration", "V8CompileDuration")


class Meter:
    """A tab in a fresh profile, slowed down, that tells how long scripts took."""

    def __init__(self, engine: Chromium, empty: str) -> None:
        self._profile = engine.profile()
        self._bidi = engine._bidi
        self._tab: BidiTab = self._profile.open(empty)
        asked = self._bidi.ask("goog:cdp.getSession", context=self._tab._context)
        self._session = asked["session"]
        self._tell("Emulation.setCPUThrottlingRate", rate=SLOWED)
        self._tell("Performance.enable", timeDomain="threadTicks")

    def ms(self, url: str) -> float:
        """Milliseconds of script until the page has settled."""
        before = self._so_far()
        self._tab.goto(url)
        time.sleep(SETTLE_S)
        return (self._so_far() - before) * 1_000

    def close(self) -> None:
        self._profile.close()

    def _so_far(self) -> float:
        metrics = self._tell("Performance.getMetrics")["result"]["metrics"]
        return sum(float(one["value"]) for one in metrics if one["name"] in COUNTED)

    def _tell(self, method: str, **parameters: Any) -> Any:
        return self._bidi.ask("goog:cdp.sendCommand", method=method, params=parameters, session=self._session)


@click.command()
@click.argument("other", type=click.Path(exists=True, path_type=Path))
@click.option("--rounds", default=15, show_default=True)
def measure(other: Path, rounds: int) -> None:
    """Measure an empty page, one with the snippet and one with OTHER, in turn."""
    with tempfile.TemporaryDirectory(prefix="footfall-bench-") as folder:
        collector = _collector(Path(folder) / "footfall.db")
        shop = Shop(collector.url, "shop")
        shop.put("/empty", tag="")
        shop.put("/footfall")
        shop.put_raw("/script.js", other.read_text())
        shop.put_raw("/api/send", "ok")
        shop.put("/other", tag='<script defer src="/script.js" data-website-id="4a4ba0e8"></script>')
        engine = Chromium()
        try:
            taken = _rounds(engine, shop, rounds)
        finally:
            engine.stop()
            shop.stop()
            collector.stop()
    _tell(taken, rounds)


def _rounds(engine: Chromium, shop: Shop, rounds: int) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {name: [] for name in ("empty", "footfall", "other")}
    for number in range(rounds + 1):
        for name, times in taken.items():
            meter = Meter(engine, f"{shop.url}/empty")
            ms = meter.ms(f"{shop.url}/{name}")
            meter.close()
            if number:  # the first round warms up
                times.append(ms)
    return taken


def _tell(taken: dict[str, list[float]], rounds: int) -> None:
    empty = statistics.median(taken["empty"])
    click.echo(f"script and compile time at 1/{SLOWED} speed, median of {rounds}, over an empty page ({empty:.1f} ms)")
    over = {name: statistics.median(taken[name]) - empty for name in ("footfall", "other")}
    for name, ms in over.items():
        click.echo(f"{name:10} {ms:6.1f} ms  (quartiles {_quartiles(taken[name], empty)})")
    click.echo(f"ratio      {over['footfall'] / over['other']:6.2f}")


def _quartiles(times: list[float], empty: float) -> str:
    low, _, high = statistics.quantiles(times, n=4)
    return f"{low - empty:.1f} to {high - empty:.1f}"


def _collector(db: Path) -> Collector:
    store = SqliteStore.open(str(db))
    store.put_site(make_site("shop", origins=(f"http://{HOST}",)))
    store.close()
    return Collector(db)


if __name__ == "__main__":
    measure()
