"""The bounded look backward gives what a look at everything would give, and never looks at more than it may."""

from __future__ import annotations

import sqlite3
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.store.sqlite import scanning
from collector.store.sqlite.scanning import STEP_MAX, Span, newest

EVENTS = st.lists(st.tuples(st.integers(1, 4), st.integers(0, 30), st.integers(1, 3)), max_size=120)


def table(events: list[tuple[int, int, int]]) -> sqlite3.Connection:
    conn = sqlite3.connect(":memory:")
    conn.execute("CREATE TABLE events (seq INTEGER PRIMARY KEY, subject, time, name)")
    conn.execute("CREATE INDEX events_timeline ON events (subject, time, name)")
    conn.execute("CREATE TABLE order_told (customer, time, name, seq)")
    conn.executemany("INSERT INTO events (subject, time, name) VALUES (?, ?, ?)", events)
    return conn


@settings(max_examples=150, deadline=None)
@given(
    EVENTS,
    st.sets(st.integers(1, 4), min_size=1),
    st.integers(1, 60),
    st.none() | st.sets(st.integers(1, 3)),
    st.integers(1, 4),
)
def test_nothing_is_missed_and_nothing_comes_twice(
    events: list[tuple[int, int, int]], subjects: set[int], wanted: int, names: set[int] | None, first: int
) -> None:
    every = [
        (time, seq)
        for seq, (subject, time, name) in enumerate(events, start=1)
        if subject in subjects and (names is None or name in names)
    ]
    spans = [Span(subject) for subject in subjects]
    seen: list[tuple[int, int]] = []
    floor: int | None = 2**62
    while floor is not None:
        with patch.object(scanning, "FIRST_SPANS_MAX", first):
            found = newest(table(events), spans, wanted, high=floor, names=None if names is None else sorted(names))
        seen += [(time, seq) for time, seq, _ in found.events]
        assert found.floor is None or found.floor < floor
        assert len(found.events) >= wanted or found.floor is None
        floor = found.floor
    assert sorted(seen) == sorted(every)


def test_a_look_for_what_is_rare_ends_in_time_and_says_how_far_it_got() -> None:
    events = [(1 + n % 3, n, 1) for n in range(9_000)] + [(1, 9_000, 2)]
    conn = table([(1, -1, 2), *events])
    found = newest(conn, [Span(1), Span(2), Span(3)], 5, names=[2], looked_at_max=1_000)
    assert [time for time, _, _ in found.events] == [9_000]
    assert found.floor is not None and 9_000 - 3 * STEP_MAX < found.floor < 8_500
    again = newest(conn, [Span(1), Span(2), Span(3)], 5, names=[2], high=found.floor, looked_at_max=20_000)
    assert [time for time, _, _ in again.events] == [-1]
    assert again.floor is None


@pytest.mark.parametrize("wanted", [1, 3, 100])
def test_a_millisecond_with_very_many_events_is_taken_whole(wanted: int) -> None:
    conn = table([(1, 5, 1)] * 700 + [(1, 4, 1)])
    found = newest(conn, [Span(1)], wanted)
    assert len(found.events) == 700 and found.floor is not None


def test_a_span_is_looked_at_within_its_bounds() -> None:
    conn = table([(1, time, 1) for time in range(20)])
    span = Span(1, start=(5, "", 0), end=(9, "", 0))
    found = newest(conn, [span], 100, low=6)
    assert [time for time, _, _ in found.events] == [9, 8, 7, 6]
    assert newest(conn, [span], 100, low=10).events == []
