"""Hours and days by a site's own clock, numbered since 1970.

What enters: a moment in ms (UTC) and the name of a time zone. What leaves: the number of the hour that clocks showed
there; a day is 24 of them, whatever was done to the clocks that day. It reads no clock.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

HOURS = 24
QUARTER_MS = 900_000
_LAST_S = 253_370_764_800  # the year 9999 less a year: no zone may carry a moment beyond what a date can say
_EPOCH_DAY = date(1970, 1, 1).toordinal()


def local_hour(zone: str, ms: int) -> int:
    """The hour that clocks in `zone` showed. Clocks are changed on the quarter hour, so one look serves for each."""
    return _hour(zone, ms // QUARTER_MS)


@lru_cache(8_192)
def _hour(zone: str, quarter: int) -> int:
    moment = datetime.fromtimestamp(min(max(quarter * 900, 0), _LAST_S), UTC)
    ahead = moment.astimezone(_zone(zone)).utcoffset() or timedelta(0)
    return int(moment.timestamp() + ahead.total_seconds()) // 3_600


def day_of(number: int) -> date:
    """The date of a day's number."""
    return date.fromordinal(_EPOCH_DAY + number)


@lru_cache(1_024)
def _zone(name: str) -> ZoneInfo:
    """A site whose zone nobody knows lives by UTC."""
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        return ZoneInfo("UTC")
