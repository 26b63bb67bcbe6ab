"""Text and numbers that name a moment, read into whole milliseconds since 1970 (UTC), or None where they name none.

Knows the spellings of time, ISO 8601 and counts of seconds or milliseconds; no clock, and no call.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from collector.event import DAY_MS

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST_MS = 253_402_300_799_999  # the end of the year 9999
SECONDS_BELOW = 100_000_000_000  # as ms this is March 1973, as s the year 5138


def read_time(value: Any) -> int | None:
    """ISO 8601 text (without an offset: UTC) or a number of ms or s since 1970, as ms; None where it is neither.

    Digits below a millisecond are dropped. Nothing before 1970 or after the year 9999 is a time.
    """
    if isinstance(value, str):
        value = value.strip()
        if len(value) >= 9 and value.isascii() and value.replace(".", "", 1).isdigit():
            value = float(value)
        else:
            return _read_iso(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= LATEST_MS:
        return None
    return (int(value) if value >= SECONDS_BELOW else round(value * 1000)) or None


def _read_iso(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text.upper())
        since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - EPOCH
    except (ValueError, OverflowError):
        return None
    time = since.days * DAY_MS + since.seconds * 1000 + since.microseconds // 1000
    return time if 0 < time <= LATEST_MS else None
