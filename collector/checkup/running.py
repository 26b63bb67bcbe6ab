"""Findings on a running collector, by what it says at `/readyz` and `/metrics`.

What enters: the text of both. What leaves: findings on readiness, queue, answers and commits.
"""

from __future__ import annotations

from collections import Counter

from msgspec import Struct
from prometheus_client.parser import text_string_to_metric_families

from collector.checkup import Finding, fail, ok, warn
from collector.spoken import counted

QUEUE_WARN = 5_000
COMMIT_WARN_S = 0.1
COMMITS_MIN = 10
REFUSED_SHARE = 0.001


class Word(Struct, frozen=True):
    """What the collector said. `ready`: '' where it is, else why not; `metrics`: '' where it showed none."""

    ready: str
    metrics: str


def collector(word: Word) -> Finding:
    if word.ready:
        do = "Look at the collector's log; until then calls are answered with 503, and clients send again later."
        return fail("collector", f"The collector is not ready: {word.ready}.", do)
    return ok("collector", "The collector is ready to take calls.")


def queue(word: Word) -> Finding:
    waiting = sum(_values(word, "footfall_queued_events").values())
    means = f"{counted(round(waiting), 'event waits', 'events wait')} for the disk."
    if waiting > QUEUE_WARN:
        do = "See what keeps the disk busy; when the queue is full, calls are answered with 503 until it has drained."
        return warn("queue", means, do)
    return ok("queue", means)


def answers(word: Word) -> Finding:
    by_status: Counter[str] = Counter()
    for (status,), n in _values(word, "footfall_answers", "status").items():
        by_status[status] += int(n)
    total = by_status.total()
    told = ", ".join(f"{n:,} of {status}" for status, n in by_status.most_common(5)) or "none"
    means = f"Answers to calls since the start: {told}."
    if by_status["500"]:
        return warn("answers", means, "A 500 is a fault of ours: the log tells where; please report it.")
    if by_status["503"] > REFUSED_SHARE * total:
        return warn(
            "answers", means, "503 means that it could not keep up or the disk failed: see queue, commits and log."
        )
    return ok("answers", means)


def commits(word: Word) -> Finding:
    counted = sum(_values(word, "footfall_commit_seconds_count").values())
    mean_s = sum(_values(word, "footfall_commit_seconds_sum").values()) / max(counted, 1)
    means = f"A commit took {mean_s * 1_000:.1f} ms on average."
    if counted >= COMMITS_MIN and mean_s > COMMIT_WARN_S:
        return warn("commits", means, "The disk is slow or busy: a local SSD is best, a network disk is not.")
    return ok("commits", means)


def _values(word: Word, name: str, *labels: str) -> dict[tuple[str, ...], float]:
    """The samples of this name, by the values of these labels; counters are also known by their name's stem."""
    return {
        tuple(sample.labels.get(label, "") for label in labels): sample.value
        for family in text_string_to_metric_families(word.metrics)
        for sample in family.samples
        if sample.name in (name, f"{name}_total")
    }
