"""A sample of the last days' events: some from every eight hours, whatever the log holds.

What enters: a reading connection and the moment. What leaves: pages that were seen steadily and have fallen silent,
each site's last event, and which sites' back ends speak. The log has no index on pages; none is needed for this.
"""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict

import msgspec

from collector.event import DAY_MS
from collector.store.health import Lately, SilentPage

STEP_MS = 8 * 3_600_000
STEPS_A_DAY = DAY_MS // STEP_MS
RECENT_DAYS, STEADY_DAYS = 2, 7
# Of each step the last so many events: 54,000 rows in all.
ROWS_A_STEP = 2_000
# A page is silent where it should have been in the newer part this often by its share of the older part, and was not
# once: by chance (Poisson) that happens to less than one page in a hundred thousand.
EXPECTED_MIN = 12
DAYS_SEEN_MIN = 5
RECENT_ROWS_MIN = 200
SHOWN_MAX = 10

# The primary key of events. Received times grow with it, replays aside.
_RECEIVED_FROM = "SELECT seq, time + lag FROM events WHERE seq >= ? ORDER BY seq LIMIT 1"
_LAST = "SELECT coalesce(max(seq), 0) FROM events"
# The primary key from one number downwards.
_STEP = """
SELECT site, trust = 3, page, count(*), max(received) FROM (
    SELECT site, trust, page, time + lag AS received FROM events WHERE seq <= ? ORDER BY seq DESC LIMIT ?)
WHERE received > ? GROUP BY 1, 2, 3
"""
_PAGES = "SELECT id, url FROM pages WHERE id IN (SELECT value FROM json_each(?))"
_SITES = "SELECT id, name FROM sites WHERE removed IS NULL"


def lately(conn: sqlite3.Connection, now: int) -> Lately:
    """What the sample shows."""
    sample = _Sample(conn, now)
    names = dict(conn.execute(_SITES))
    return Lately(
        silent=_silent(sample, conn),
        last={names[site]: received for site, received in sample.last.items() if site in names},
        server=frozenset(names[site] for site in sample.server if site in names),
    )


def stored_since(conn: sqlite3.Connection, moment: int) -> int:
    """How many events were received after a moment, erased ones included."""
    return int(conn.execute(_LAST).fetchone()[0]) - _seq_at(conn, moment)


class _Sample:
    """`recent`: rows by page; `days`: the same for each of the days before."""

    def __init__(self, conn: sqlite3.Connection, now: int) -> None:
        self.recent: Counter[int] = Counter()
        self.days: dict[int, Counter[int]] = defaultdict(Counter)
        self.last: dict[int, int] = {}
        self.server: set[int] = set()
        for step in range((RECENT_DAYS + STEADY_DAYS) * STEPS_A_DAY):
            self._take(conn, now, step)

    def _take(self, conn: sqlite3.Connection, now: int, step: int) -> None:
        end = now - step * STEP_MS
        day = step // STEPS_A_DAY
        pages = self.recent if day < RECENT_DAYS else self.days[day]
        for site, server, page, rows, received in conn.execute(_STEP, (_seq_at(conn, end), ROWS_A_STEP, end - STEP_MS)):
            pages[page or 0] += rows
            self.last[site] = max(self.last.get(site, 0), received)
            if server:
                self.server.add(site)


def _seq_at(conn: sqlite3.Connection, moment: int) -> int:
    """The last event that was received at or before a moment; 0 where there is none."""
    below, above = 0, int(conn.execute(_LAST).fetchone()[0]) + 1
    while above - below > 1:
        middle = (below + above) // 2
        row = conn.execute(_RECEIVED_FROM, (middle,)).fetchone()
        if row is None or row[1] > moment:
            above = middle
        else:
            below = max(middle, row[0])
    return below


def _silent(sample: _Sample, conn: sqlite3.Connection) -> tuple[SilentPage, ...]:
    recent_rows = sample.recent.total()
    if recent_rows < RECENT_ROWS_MIN:
        return ()
    addresses = _addresses(conn, {page for day in [sample.recent, *sample.days.values()] for page in day})
    recent = {addresses.get(page) for page in sample.recent}
    days = [_by_address(day, addresses) for day in sample.days.values()]
    before: Counter[str] = Counter()
    for day in days:
        before.update(day)
    rows_before = sum(day.total() for day in sample.days.values())
    missed = [
        SilentPage(address, sum(address in day for day in days))
        for address, views in before.most_common()
        if address not in recent and views * recent_rows >= EXPECTED_MIN * rows_before
    ]
    return tuple([page for page in missed if page.days >= DAYS_SEEN_MIN][:SHOWN_MAX])


def _by_address(pages: Counter[int], addresses: dict[int, str]) -> Counter[str]:
    seen: Counter[str] = Counter()
    for page, rows in pages.items():
        if page in addresses:
            seen[addresses[page]] += rows
    return seen


def _addresses(conn: sqlite3.Connection, pages: set[int]) -> dict[int, str]:
    """Pages without their query: what differs from visit to visit is not another page."""
    rows = conn.execute(_PAGES, (msgspec.json.encode(sorted(pages)).decode(),))
    return {id: url.partition("?")[0].partition("#")[0] for id, url in rows if url}
