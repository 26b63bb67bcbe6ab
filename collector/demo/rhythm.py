"""When people shop: the days of a quarter and the hours of a day, by weight.

What enters: the end of the quarter and chance. What leaves: moments, in ms since 1970. Hours are the shop's own.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from random import Random
from zoneinfo import ZoneInfo

from msgspec import Struct

DAYS = 91
ZONE = ZoneInfo("Europe/Paris")
_WEEKDAYS = (1.05, 1.0, 0.95, 1.0, 0.9, 1.1, 1.3)  # Monday first
_HOURS = (4, 2, 1, 1, 1, 2, 5, 9, 13, 16, 18, 19, 22, 21, 18, 17, 18, 21, 24, 28, 34, 36, 26, 12)
_OFFICE = tuple(1 if 8 <= hour < 17 else 0 for hour in range(24))
_HOUR_WEIGHTS = list(accumulate(_HOURS))
_OFFICE_WEIGHTS = list(accumulate(_OFFICE))


class Issue(Struct, frozen=True):
    """One newsletter."""

    at: int
    day: date
    subject: str


_SUBJECTS = ("Linen weather", "The opal lamp is down to €71", "Bulbs, pots, patience", "Six things under €30",
             "Lights on: the dark half begins", "What the potter said", "Wrapped and ready")  # fmt: skip


class Quarter:
    """The 91 days that end at `now`. Trade grows by a third over them."""

    def __init__(self, now: int) -> None:
        self.now = now
        self.today = datetime.fromtimestamp(now / 1_000, ZONE).date()
        self.days = [self.today - timedelta(days=ago) for ago in range(DAYS - 1, -1, -1)]
        growth = [1 + n / (3 * DAYS) for n in range(DAYS)]
        self._weights = list(
            accumulate(_WEEKDAYS[day.weekday()] * grown for day, grown in zip(self.days, growth, strict=True))
        )

    def moment(self, chance: Random) -> int:
        """Any time in it, by its rhythm; today's part that lies ahead counts too."""
        return self.at(chance, chance.choices(self.days, cum_weights=self._weights)[0])

    def at(self, chance: Random, day: date) -> int:
        """A time of this day at which people shop."""
        return _moment(chance, day, _HOUR_WEIGHTS)

    def later(self, chance: Random, at: int, mean_days: float) -> int:
        """Some days after `at`, never less than one night."""
        return self.at(chance, _day(at) + timedelta(days=1 + int(chance.expovariate(1 / mean_days))))

    def working(self, chance: Random, at: int, days_min: int, days_max: int) -> int:
        """So many days after `at`, at a time at which people work: no Sunday."""
        day = _day(at) + timedelta(days=chance.randint(days_min, days_max))
        day += timedelta(days=day.weekday() == 6)
        return _moment(chance, day, _OFFICE_WEIGHTS)

    def issues(self) -> list[Issue]:
        """The newsletters: every other Thursday at nine."""
        thursdays = [day for day in self.days if day.weekday() == 3][::2]
        return [
            Issue(_ms(datetime(day.year, day.month, day.day, 9, tzinfo=ZONE)), day, _SUBJECTS[n % len(_SUBJECTS)])
            for n, day in enumerate(thursdays)
        ]

    def saturdays(self) -> list[date]:
        return [day for day in self.days if day.weekday() == 5]


def _moment(chance: Random, day: date, weights: list[int]) -> int:
    hour = chance.choices(range(24), cum_weights=weights)[0]
    local = datetime(day.year, day.month, day.day, hour, chance.randrange(60), chance.randrange(60), tzinfo=ZONE)
    return _ms(local) + chance.randrange(1_000)


def _day(at: int) -> date:
    return datetime.fromtimestamp(at / 1_000, ZONE).date()


def _ms(local: datetime) -> int:
    return int(local.astimezone(UTC).timestamp()) * 1_000
