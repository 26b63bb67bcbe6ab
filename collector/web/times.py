"""Times as people and programs write them: ms since 1970 (UTC) <-> ISO 8601, and days in a time zone.

What enters: whole milliseconds, or text and the zone it is meant in. What leaves: the other one. It knows no clock.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from collector.errors import Misuse
from collector.event import MINUTE_MS, Site

_DATE = re.compile(r"\d{4}-\d\d-\d\d").fullmatch
# A plus sign in a query string means a space: `+02:00` arrives as ` 02:00`.
_LOST_PLUS = re.compile(r" (\d\d:?\d\d)$")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso(ms: int) -> str:
    """`2026-05-01T10:00:00.000Z`. An export asks this millions of times, mostly for minutes that it just had."""
    minute, rest = divmod(ms, MINUTE_MS)
    return f"{_minute(minute)}{rest // 1_000:02d}.{rest % 1_000:03d}Z"


@lru_cache(4_096)
def _minute(minute: int) -> str:
    return datetime.fromtimestamp(minute * 60, UTC).isoformat()[:17]


def read_bound(text: str, zone: str) -> int:
    """A bare date (its first moment in the zone) or an ISO 8601 time (the zone's where it has no offset), as ms.

    Digits below a millisecond are dropped. Raises Misuse for anything else.
    """
    try:
        read = datetime.fromisoformat(_LOST_PLUS.sub(r"+\1", text.strip()))
        if _DATE(text) is None and len(text) < len("2026-05-01T10"):
            raise ValueError("neither a date nor a time")
        moment = read if read.tzinfo else read.replace(tzinfo=ZoneInfo(zone))
        since = moment - _EPOCH
    except (ValueError, OverflowError) as error:
        raise Misuse(f"{text!r} is neither a date like 2026-05-01 nor an ISO 8601 time") from error
    return (since.days * 86_400 + since.seconds) * 1_000 + since.microseconds // 1_000


def read_range(start: str | None, end: str | None, zone: str) -> tuple[int | None, int | None]:
    """The half-open range [from, to). Raises Misuse where it ends before it starts."""
    first = read_bound(start, zone) if start else None
    last = read_bound(end, zone) if end else None
    if first is not None and last is not None and first > last:
        raise Misuse("from lies behind to")
    return first, last


def zone_of(site: str | None, sites: Sequence[Site]) -> str:
    """Whose days a bare date means: the site's that is named, else the only site's, else UTC."""
    named = [each for each in sites if each.name == site] if site else list(sites)
    return named[0].timezone if len(named) == 1 else "UTC"
