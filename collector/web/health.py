"""Whether the collector is alive, whether it can take calls, and what it has done (Prometheus).

What enters: nothing but the request. What leaves: a word, or numbers; never anything that a visitor sent.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector, CollectorRegistry
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from collector.errors import Unavailable
from collector.ingest.counts import Counts, Histogram
from collector.ingest.writer import Writer
from collector.store import Store
from collector.store.health import Vitals

READY_WITHIN_S = 5.0
# After a failed commit no calls should come for so long; then one may try whether the disk works again.
PAUSE_S = 10.0
SILENCE_EVERY_S = 600.0


async def healthz(request: Request) -> Response:
    """The process answers."""
    return PlainTextResponse("ok\n")


async def readyz(request: Request) -> Response:
    """Calls would be stored and followed: the writer lives, begins a transaction, and has not just failed."""
    state = request.app.state
    failed_at_s = state.writer.failed_at_s
    if failed_at_s is not None and time.monotonic() - failed_at_s < PAUSE_S:
        return PlainTextResponse("not ready: the last commit failed\n", 503)
    try:
        async with asyncio.timeout(READY_WITHIN_S):
            await state.writer.run(Store.append, [])
            if state.writer.follow_failed:
                await state.writer.settle()
    except (TimeoutError, Unavailable) as error:
        return PlainTextResponse(f"not ready: {error or 'the writer does not answer'}\n", 503)
    return PlainTextResponse("ready\n")


async def metrics(request: Request) -> Response:
    """All counters; those of the doors start at zero with the process. The cost does not grow with the log."""
    state = request.app.state
    stats: dict[str, int] = await asyncio.to_thread(state.store.stats)
    vitals: Vitals = await asyncio.to_thread(state.store.vitals)
    shop = await asyncio.to_thread(_shop, state.store, state.silence)
    registry = CollectorRegistry()
    registry.register(_Metrics(state.counts, state.writer, stats, vitals, shop))
    ProcessCollector(registry=registry)
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class Silence:
    """How many pages have fallen silent: looked at now and then, a sample of nine days is much for every scrape."""

    def __init__(self) -> None:
        self._pages, self._due_s = 0, 0.0

    def pages(self, store: Store) -> int:
        if time.monotonic() >= self._due_s:
            self._due_s = time.monotonic() + SILENCE_EVERY_S
            self._pages = len(store.lately(time.time_ns() // 1_000_000).silent)
        return self._pages


Shop = dict[str, tuple[str, int]]


def _shop(store: Store, silence: Silence) -> Shop:
    """What `footfall doctor` finds of the shop, as numbers."""
    joined, orders = store.joined(), store.orders_lately()
    return {
        "visits_lately": ("Visits that changed last, a thousand at most.", joined.visits),
        "visits_joined_lately": ("Of these a known customer's.", joined.joined),
        "orders_lately": ("Orders that changed last, a thousand at most.", orders.orders),
        "orders_without_visitor_lately": ("Of these known only from a back end.", orders.without_visitor),
        "orders_unconfirmed_lately": ("Of these known only from a browser.", orders.unconfirmed),
        "orders_without_total_lately": ("Of these without an amount that can be read.", orders.without_total),
        "silent_pages": ("Pages that were seen steadily and not for two days.", silence.pages(store)),
    }


class _Metrics(Collector):
    def __init__(self, counts: Counts, writer: Writer, stats: dict[str, int], vitals: Vitals, shop: Shop) -> None:
        self._shop = shop
        self._counts = counts
        self._writer = writer
        self._stats = stats
        self._vitals = vitals

    def collect(self) -> Iterator[Metric]:
        counts = self._counts
        yield _counter("events_stored", "Events stored.", ("site", "trust"), counts.stored)
        yield _counter("duplicates", "Events that were stored before.", ("site",), counts.duplicates)
        yield _counter("quarantined", "Calls refused.", ("site", "reason"), counts.quarantined)
        yield _counter("dropped", "Calls of which policy keeps a count.", ("site", "why"), counts.dropped)
        yield _counter("answers", "Requests to /v1 by status.", ("status",), counts.answers)
        yield _histogram("commit_seconds", "How long a commit took.", counts.commit_seconds)
        yield _histogram("commit_entries", "Entries in a commit.", counts.commit_entries)
        yield _gauge("queued_events", "Events that wait for the disk.", self._writer.queued_events)
        yield _gauge("queued_bytes", "Bytes of bodies that wait for the disk.", self._writer.queued_bytes)
        for name, value in self._stats.items():
            yield _gauge(f"store_{name}", f"The store's {name.replace('_', ' ')}.", value)
        yield _gauge("follow_failed", "1 where what is derived could not follow the log.", self._writer.follow_failed)
        yield CounterMetricFamily("footfall_clock_jumps", "How often the clock was put.", counts.clock_jumps)
        yield from _told(self._vitals)
        for name, (text, number) in self._shop.items():
            yield _gauge(name, text, number)


def _told(vitals: Vitals) -> Iterator[Metric]:
    """What `footfall doctor` looks at too. A time that there is not yet is left out."""
    yield _gauge("database_bytes", "The database file.", vitals.file_bytes)
    yield _gauge("wal_bytes", "The write-ahead log.", vitals.wal_bytes)
    yield _gauge("disk_bytes", "The disk under the database.", vitals.disk_bytes)
    yield _gauge("disk_free_bytes", "What is free on it.", vitals.disk_free_bytes)
    times = {
        "newest_event_timestamp_seconds": ("When the last event was received.", vitals.newest),
        "last_backup_timestamp_seconds": ("When footfall backup last made one.", vitals.backed_up),
    }
    for name, (text, ms) in times.items():
        if ms is not None:
            yield _gauge(name, text, ms / 1_000)
    seen = GaugeMetricFamily("footfall_site_seen_timestamp_seconds", "When a visitor was last seen.", labels=["site"])
    for site, last in vitals.seen.items():
        if last is not None:
            seen.add_metric([site], last / 1_000)
    yield seen


def _counter(name: str, text: str, labels: tuple[str, ...], numbers: Mapping[Any, int]) -> Metric:
    family = CounterMetricFamily(f"footfall_{name}", text, labels=labels)
    for key, number in list(numbers.items()):
        family.add_metric([str(part) for part in (key if isinstance(key, tuple) else (key,))], number)
    return family


def _histogram(name: str, text: str, histogram: Histogram) -> Metric:
    buckets = [(str(bound), float(count)) for bound, count in zip(histogram.bounds, histogram.counts, strict=True)]
    family = HistogramMetricFamily(f"footfall_{name}", text)
    family.add_metric([], [*buckets, ("+Inf", float(histogram.number))], histogram.sum)
    return family


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"footfall_{name}", text, value)


routes = [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]
