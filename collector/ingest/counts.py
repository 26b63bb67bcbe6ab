"""What has happened since the start, counted for the operator: commits, outcomes, answers.

What enters: each commit, what was filed, each answer's status, on the loop. What leaves: plain dictionaries to read.
It knows nothing of how they are shown.
"""

from __future__ import annotations

from collections import Counter

from collector.event import Event
from collector.ingest.writer import Commit
from collector.store import NOT_KEPT, Left, Outcome, Quarantined, Tally

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000)


class Histogram:
    """How many values were at or below each bound, and their sum; cumulative, as Prometheus wants it."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * len(bounds)
        self.number = 0
        self.sum = 0.0

    def add(self, value: float) -> None:
        self.number += 1
        self.sum += value
        for place, bound in enumerate(self.bounds):
            if value <= bound:
                self.counts[place] += 1


class Counts:
    """Hand `commit` and `filed` to the writer and `answer` to the doors."""

    def __init__(self) -> None:
        self.stored: Counter[tuple[str, str]] = Counter()  # (site, trust)
        self.duplicates: Counter[str] = Counter()  # site
        self.quarantined: Counter[tuple[str, str]] = Counter()  # (site, reason)
        self.dropped: Counter[tuple[str, str]] = Counter()  # (site, why)
        self.clock_jumps = 0
        self.answers: Counter[int] = Counter()  # status
        self.commit_seconds = Histogram(SECONDS)
        self.commit_entries = Histogram(SIZES)

    def answer(self, status: int) -> None:
        self.answers[status] += 1

    def commit(self, commit: Commit) -> None:
        self.commit_seconds.add(commit.seconds)
        self.commit_entries.add(len(commit.entries))
        if not commit.exact:
            return  # they are events, and what becomes of them is told when they are filed
        tally = Tally()
        for entry, outcome in zip(commit.entries, commit.outcomes, strict=True):
            if isinstance(entry, Event):
                tally.count(entry, outcome)
            elif isinstance(entry, Quarantined) and outcome is Outcome.QUARANTINED:
                self.quarantined[entry.site, entry.reason] += 1
            else:
                self.dropped[entry.site, entry.why if isinstance(entry, Left) else NOT_KEPT[outcome]] += 1
        self.filed(tally)

    def filed(self, tally: Tally) -> None:
        self.stored.update(tally.stored)
        self.duplicates.update(tally.duplicates)
        self.dropped.update(tally.dropped)
