"""Stories: a page of a timeline, with the visits around its events and where each came from.

What enters: a key and a query. What leaves: events newest first, the visits that they are of, and which of them staff
wrote. Whose they are is the timeline's affair.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import msgspec

from collector.store import Activity, ActivityQuery
from collector.store.dossier import Landing, Story
from collector.store.keys import Kind, read_key
from collector.store.sqlite.dictionary import pack_id, unpack_id
from collector.store.sqlite.reading import Reading
from collector.store.sqlite.scanning import Span
from collector.store.sqlite.timeline import DURING, Timeline

# Primary key of visits, then one row of the log for each visit of the page's span of time.
_LANDINGS = f"""
SELECT first.mid, visits.first_time, visits.last_time, visits.events, coalesce(referrers.channel, ''),
       coalesce(referrers.referrer, ''), visits.campaign, coalesce(pages.url, ''), coalesce(pages.title, '')
FROM visits JOIN events AS first ON first.seq = visits.first_seq
LEFT JOIN referrers ON referrers.id = first.referrer LEFT JOIN pages ON pages.id = first.page
WHERE visits.visitor = :visitor AND {DURING.format(visitor=":visitor")}
"""
_STAFF = """
SELECT seq FROM json_each(?) AS sought CROSS JOIN events ON events.seq = sought.value WHERE staff IS NOT NULL
"""
# Index events_timeline.
_NAMES = "SELECT DISTINCT name FROM (SELECT name FROM events WHERE subject = ? AND time < ? ORDER BY time DESC LIMIT ?)"
_NAME = "SELECT type, name FROM names WHERE id = ?"
NAMES_LOOKED_AT_MAX = 100
NAMES_SHOWN_MAX = 100
SPANS_LOOKED_AT_MAX = 60


class Stories:
    """Reads stories through one connection; the caller holds the snapshot."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn
        self._reading = Reading(conn)
        self._timeline = Timeline(conn)

    def story(self, key: str, query: ActivityQuery) -> Story | None:
        """What the customer has done, and in which visits."""
        page = self._reading.activity(key, query)
        if page is None:
            return None
        return Story(page.events, page.next, self._visits(page.events), self._staff([each.seq for each in page.events]))

    def event_names(self, key: str) -> list[str]:
        """Names that the newest events of each span bear; a page call's is `page`."""
        spans = sorted(self._spans(key), key=lambda span: span.end is None, reverse=True)
        ids: set[int] = set()
        for span in spans[:SPANS_LOOKED_AT_MAX]:
            before = 2**62 if span.end is None else span.end[0]
            ids |= {id for (id,) in self._conn.execute(_NAMES, (span.subject, before, NAMES_LOOKED_AT_MAX))}
        named = [self._conn.execute(_NAME, (id,)).fetchone() for id in sorted(ids)[:NAMES_SHOWN_MAX]]
        return sorted({name if type == "track" else type for type, name in named})

    def _spans(self, key: str) -> list[Span]:
        sought = read_key(key)
        if sought.kind is Kind.VISITOR:
            visitor = self._reading.visitor(key)
            return [] if visitor is None else [Span(visitor)]
        found = self._timeline.customer(sought)
        return [span for span in found[1] if span.subject] if found else []

    def _visits(self, events: Sequence[Activity]) -> dict[str, Landing]:
        wanted = {event.visit for event in events if event.visit}
        landings: dict[str, Landing] = {}
        if not events:
            return landings
        bounds = events[-1].time, events[0].time
        for visitor in dict.fromkeys(event.visitor for event in events if event.visitor and event.visit):
            (id,) = self._conn.execute("SELECT id FROM visitors WHERE visitor = ?", (pack_id(visitor),)).fetchone()
            for mid, *row in self._conn.execute(_LANDINGS, {"visitor": id, "low": bounds[0], "high": bounds[1]}):
                if unpack_id(mid) in wanted:
                    landings[unpack_id(mid)] = self._landing(visitor, row)
        return landings

    def _landing(self, visitor: str, row: list[Any]) -> Landing:
        first_time, last_time, events, channel, referrer, campaign, url, title = row
        return Landing(
            visitor=visitor,
            first_time=first_time,
            last_time=last_time,
            events=events,
            channel=channel,
            referrer=referrer,
            campaign=self._timeline.campaign(campaign),
            url=url,
            title=title,
        )

    def _staff(self, seqs: list[int]) -> frozenset[int]:
        return frozenset(seq for (seq,) in self._conn.execute(_STAFF, (msgspec.json.encode(seqs).decode(),)))
