"""Times: ISO 8601 text out, dates and times in; a bare date is a day where the shop is."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta

import pytest
from conftest import make_site
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import Misuse
from collector.store.sqlite.columns import _iso
from collector.web.times import iso, read_bound, read_range, zone_of

LATEST_MS = 253_402_300_799_999
moments = st.integers(0, LATEST_MS)


@given(moments)
def test_a_time_is_written_to_the_millisecond_and_read_back(ms: int) -> None:
    assert iso(ms) == (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)).isoformat(
        timespec="milliseconds"
    ).replace("+00:00", "Z")
    assert read_bound(iso(ms), "Europe/Paris") == ms


@given(moments)
def test_the_sql_views_write_the_same_time(ms: int) -> None:
    conn = sqlite3.connect(":memory:")
    assert conn.execute(f"SELECT {_iso('?1')}", (ms,)).fetchone()[0] == iso(ms)
    conn.close()


READ = [
    ("2026-05-01", "UTC", "2026-05-01T00:00:00.000Z"),
    ("2026-05-01", "Europe/Paris", "2026-04-30T22:00:00.000Z"),
    ("2026-01-01", "America/New_York", "2026-01-01T05:00:00.000Z"),
    # The day on which the clocks go forward at midnight begins at one o'clock.
    ("2018-11-04", "America/Sao_Paulo", "2018-11-04T03:00:00.000Z"),
    ("2026-05-01T10:00", "Europe/Paris", "2026-05-01T08:00:00.000Z"),
    ("2026-05-01T10:00:00.1239", "UTC", "2026-05-01T10:00:00.123Z"),
    ("2026-05-01T10:00:00+02:00", "UTC", "2026-05-01T08:00:00.000Z"),
    ("2026-05-01T10:00:00 02:00", "UTC", "2026-05-01T08:00:00.000Z"),
    ("2026-05-01T10:00:00Z", "Europe/Paris", "2026-05-01T10:00:00.000Z"),
]


@pytest.mark.parametrize(("text", "zone", "wanted"), READ)
def test_a_bound_is_a_day_of_the_zone_or_a_moment(text: str, zone: str, wanted: str) -> None:
    assert iso(read_bound(text, zone)) == wanted


@pytest.mark.parametrize(
    "text",
    ["yesterday", "2026-13-01", "2026-05", "2026-W01-1", "20260501", "10:00", "1777622400007", "2026-05-01T25:00"],
)
def test_what_is_neither_is_refused(text: str) -> None:
    with pytest.raises(Misuse, match="is neither a date like 2026-05-01 nor an ISO 8601 time"):
        read_bound(text, "UTC")


@given(st.text())
def test_no_text_breaks_the_reading(text: str) -> None:
    try:
        assert isinstance(read_bound(text, "Europe/Paris"), int)
    except Misuse as error:
        assert "\n" not in str(error)


def test_a_range_that_ends_before_it_starts_is_refused_and_an_empty_one_is_not() -> None:
    assert read_range("2026-05-01", "2026-05-01", "UTC") == (1_777_593_600_000, 1_777_593_600_000)
    assert read_range(None, "", "UTC") == (None, None)
    with pytest.raises(Misuse, match="from lies behind to"):
        read_range("2026-05-02", "2026-05-01", "UTC")


def test_the_zone_is_the_named_sites_else_the_only_sites_else_utc() -> None:
    paris, tokyo = make_site("paris", timezone="Europe/Paris"), make_site("tokyo", timezone="Asia/Tokyo")
    assert zone_of("tokyo", [paris, tokyo]) == "Asia/Tokyo"
    assert zone_of(None, [paris]) == "Europe/Paris"
    assert zone_of(None, [paris, tokyo]) == "UTC"
    assert zone_of("nowhere", [paris]) == "UTC"
