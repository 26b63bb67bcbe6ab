"""Timelines: the spans of events that are somebody's, merged newest first.

What enters: spans (a visitor from one place to another, or a person's own calls). What leaves: pages of activity.
Spans are looked through from the cursor on, in bounded steps, so a page costs the same however long the history is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import msgspec

from collector.errors import Misuse
from collector.event import Trust
from collector.store import Activity, ActivityPage, ActivityQuery, keys
from collector.store.sqlite import shapes
from collector.store.sqlite.dictionary import id_in_json, unpack_id
from collector.store.sqlite.rows import Number
from collector.store.sqlite.scanning import ALWAYS, Found, Span, newest
from collector.visits import Key, forms_visit

_PARTS = ("source", "medium", "name", "term", "content", "click_id")
# The rows come as one JSON text: see rows.py.
_ROWS = f"""
SELECT json_group_array(json_array(
    events.time, {id_in_json("events.mid")},
    events.trust, events.seq, names.type, names.name, events.lag, sites.name, coalesce(pages.url, ''),
    coalesce(pages.title, ''), coalesce(referrers.referrer, ''), coalesce(referrers.channel, ''),
    (SELECT json_array({", ".join(_PARTS)}) FROM campaigns WHERE id = events.campaign),
    {shapes.text_in_sql("events", empty="")}, events.subject, events.staff,
    {id_in_json("visitors.visitor")}))
FROM json_each(?) AS sought CROSS JOIN events ON events.seq = sought.value
JOIN names ON names.id = events.name JOIN sites ON sites.id = events.site
LEFT JOIN visitors ON visitors.id = events.subject
LEFT JOIN pages ON pages.id = events.page LEFT JOIN referrers ON referrers.id = events.referrer
{shapes.JOINS.format(event="events")}
"""
# The unique index of names, and names_type.
_NAMED = "SELECT id FROM names WHERE name = ?1 UNION SELECT id FROM names WHERE type = ?1 AND type <> 'track'"
_SPANS = f"""
SELECT json_group_array(json_array(
    tenancies.visitor, tenancies.customer, tenancies.why, start.time, {id_in_json("start.mid")}, start.trust,
    stop.time, {id_in_json("stop.mid")}, stop.trust))
FROM tenancies JOIN events AS start ON start.seq = tenancies.from_seq
LEFT JOIN events AS stop ON stop.seq = tenancies.to_seq
WHERE tenancies.deleted = 0 AND
"""
_CLAIMED_BY = """
EXISTS (SELECT 1 FROM claims WHERE claims.visitor = tenancies.visitor AND claims.seq = tenancies.evidence
        AND coalesce(claims.user, claims.email) IN (SELECT value FROM json_each(?)))
"""
# Visits lie one behind the other: those of a span of time begin with the last that began before it. Primary key.
DURING = """
visits.deleted = 0 AND visits.first_time <= :high AND visits.last_time >= :low AND visits.first_time >= coalesce(
    (SELECT first_time FROM visits AS before WHERE before.visitor = {visitor} AND before.deleted = 0
     AND before.first_time <= :low ORDER BY before.first_time DESC LIMIT 1), :low)
"""
_VISITS = f"""
SELECT json_group_array(json_array(sought.value, (
    SELECT json_group_array(json_array(
        first.time, {id_in_json("first.mid")},
        first.trust, visits.last_time))
    FROM visits JOIN events AS first ON first.seq = visits.first_seq
    WHERE visits.visitor = sought.value AND {DURING.format(visitor="sought.value")})))
FROM json_each(:visitors) AS sought
"""
# Whom an id names, also a former one: value, kind, space.
NAMED_BY = """
SELECT customers.customer FROM persons JOIN customers USING (customer)
WHERE persons.value = ? AND persons.kind = ? AND persons.space = ? AND customers.deleted = 0
"""
_OF_CUSTOMER = f"""
WITH sought AS ({NAMED_BY})
SELECT customer,
       (SELECT json_group_array(json_array(id, json_array(kind, space, value))) FROM persons
        WHERE persons.customer = sought.customer),
       ({_SPANS} tenancies.customer = sought.customer)
FROM sought
"""
_COUNT = "SELECT count(*) FROM (SELECT 1 FROM events WHERE subject = ? AND time > ? AND time < ? LIMIT ?)"
_COUNT_OF_ORDERS = "SELECT count(*) FROM (SELECT 1 FROM order_told WHERE customer = ? LIMIT ?)"
_CAMPAIGN = f"SELECT {', '.join(_PARTS)} FROM campaigns WHERE id = ?"
_TIED = "SELECT time, mid, trust FROM events WHERE subject = ? AND time = ?"

Row = list[Any]
_rows = msgspec.json.Decoder(list[Row])
_persons = msgspec.json.Decoder(list[tuple[int, tuple[int, str, str]]])
_visits = msgspec.json.Decoder(list[tuple[int, list[tuple[int, str | list[str], int, int]]]])


class Timeline:
    """Reads timelines through one connection; the caller holds the snapshot."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn
        self._keys: dict[int, str] = {}
        self._visitors: dict[int, str] = {}
        self._campaigns: dict[int, dict[str, str]] = {}

    def customer(self, key: keys.Key) -> tuple[int, list[Span]] | None:
        """Whom a key names, also a former one; None where there is nobody.

        And everything that is theirs: spans of visitors, calls that name the person, calls about the orders.
        """
        row = self._conn.execute(_OF_CUSTOMER, (key.value, int(key.kind), key.space)).fetchone()
        if row is None:
            return None
        customer, known, stays = row
        persons = _persons.decode(known)
        self._keys |= {id: keys.customer_key(*bears) for id, bears in persons if id == customer}
        named = [Span(-id, customer, "named") for id, *_ in persons]
        return customer, [*_read_spans(stays), *named, Span(0, customer, "order")]

    def spans_of_visitor(self, visitor: int) -> list[Span]:
        """A visitor's stretches that are somebody's, in their order."""
        spans = self._spans("tenancies.visitor = ?", visitor)
        return sorted(spans, key=lambda span: span.start or (-ALWAYS, "", 0))

    def spans_claimed_by(self, customer: int, persons: str) -> list[Span]:
        """The spans of visitors that are a customer's by a claim of one of these persons (ids, a JSON list)."""
        return self._spans(f"tenancies.customer = ? AND {_CLAIMED_BY}", customer, persons)

    def page(self, spans: list[Span], query: ActivityQuery) -> ActivityPage:
        """The newest events of the spans that the query asks for, from its cursor on.

        Where few of very many events fit, a page may hold fewer than the limit and still have a next.
        """
        before = _read_cursor(query.cursor)
        names = None if query.event is None else [name for (name,) in self._conn.execute(_NAMED, (query.event,))]
        if query.visitor is not None:
            spans = [span for span in spans if span.subject > 0 and self._visitor(span.subject) == query.visitor]
        low = -ALWAYS if query.start is None else query.start
        high = min(ALWAYS if query.end is None else query.end - 1, ALWAYS if before is None else before[0])
        rows, floor = self._newest(spans, query.limit + 1, low, high, names, before)
        shown = rows[: query.limit]
        more = _write_cursor(shown[-1][0]) if len(rows) > query.limit else None
        if more is None and floor is not None:
            more = _write_cursor((floor + 1, "", 0))
        return ActivityPage(self._activities(shown, spans), more)

    def count(self, spans: list[Span], at_most: int | None = None) -> int:
        """How many events the spans hold; no further than about `at_most`."""
        counted = 0
        for span in spans:
            if at_most is not None and counted >= at_most:
                break
            counted += self._count(span, -1 if at_most is None else at_most - counted)
        return counted

    def consent(self, spans: list[Span]) -> dict[str, bool]:
        """The purposes that were granted when the newest event was recorded."""
        newest = self.page(spans, ActivityQuery(limit=1)).events
        row = (
            newest
            and self._conn.execute(
                "SELECT granted FROM events JOIN consents ON consents.id = events.consent WHERE seq = ?",
                (newest[0].seq,),
            ).fetchone()
        )
        return dict.fromkeys(row[0].split(","), True) if row else {}

    def _newest(
        self, spans: list[Span], wanted: int, low: int, high: int, names: Sequence[int] | None, before: Key | None
    ) -> tuple[list[tuple[Key, Row, Span]], int | None]:
        """Rows newest first, ties by messageId; and the time down to which there are no others, None: all."""
        rows: list[tuple[Key, Row, Span]] = []
        floor: int | None = high
        while floor is not None and len(rows) < wanted:
            found = newest(self._conn, spans, wanted, low=low, high=floor, names=names)
            rows += self.fitting(found, before)
            floor = found.floor
            if len(found.events) < wanted:
                break
        return rows, floor

    def fitting(self, found: Found, before: Key | None = None) -> list[tuple[Key, Row, Span]]:
        """The rows of what was found, newest first, ties by messageId.

        A look knows only times: what lies beyond a bound within its millisecond is left out.
        """
        sought = msgspec.json.encode([seq for _, seq, _ in found.events]).decode()
        read = {row[3]: row for row in _rows.decode(self._conn.execute(_ROWS, (sought,)).fetchone()[0])}
        keyed = [(_key(*read[seq][:3]), read[seq], span) for _, seq, span in found.events]
        fitting = [each for each in keyed if each[2].holds(each[0]) and (before is None or each[0] < before)]
        return sorted(fitting, key=lambda each: each[0], reverse=True)

    def _count(self, span: Span, at_most: int) -> int:
        if span.subject == 0:
            found: int = self._conn.execute(_COUNT_OF_ORDERS, (span.customer, at_most)).fetchone()[0]
            return found
        low = -ALWAYS if span.start is None else span.start[0]
        high = ALWAYS if span.end is None else span.end[0]
        inside: int = self._conn.execute(_COUNT, (span.subject, low, high, at_most)).fetchone()[0]
        for time in {low, high}:
            for row in self._conn.execute(_TIED, (span.subject, time)):
                inside += span.holds(_key(*row))
        return inside

    def _spans(self, where: str, *of: int | str) -> list[Span]:
        return _read_spans(self._conn.execute(_SPANS + where, of).fetchone()[0])

    def _visits(self, visitors: set[int], low: int, high: int) -> dict[int, list[tuple[Key, int]]]:
        """Each visitor's visits between two times, as (first key, last time), sorted."""
        asked = {"visitors": msgspec.json.encode(visitors).decode(), "low": low, "high": high}
        found = _visits.decode(self._conn.execute(_VISITS, asked).fetchone()[0])
        return {
            visitor: sorted((_key(time, mid, trust), last) for time, mid, trust, last in rows)
            for visitor, rows in found
        }

    def _activities(self, shown: list[tuple[Key, Row, Span]], spans: list[Span]) -> list[Activity]:
        subjects = {row[14] for _, row, _ in shown if row[14] > 0}
        times = [key[0] for key, _, _ in shown]
        visits = self._visits(subjects, min(times), max(times)) if subjects else {}
        tenants = {span.subject: self._spans("tenancies.visitor = ?", span.subject) for span in spans if not span.why}
        return [self._activity(key, row, span, visits, tenants) for key, row, span in shown]

    def _activity(
        self,
        key: Key,
        row: Row,
        span: Span,
        visits: dict[int, list[tuple[Key, int]]],
        tenants: dict[int, list[Span]],
    ) -> Activity:
        time, mid, trust, seq, kind, name, lag, site, *shown, properties, subject, staff, visitor = row
        url, title, referrer, channel, campaign = shown
        held = span if span.why else next((each for each in tenants[span.subject] if each.holds(key)), None)
        why = held.why if held else "claimed" if trust == Trust.CLAIMED else None
        return Activity(
            id=unpack_id(mid),
            seq=seq,
            type=kind,
            name=name,
            time=time,
            received=time + lag,
            site=site,
            visitor=unpack_id(visitor) if subject > 0 else None,
            visit=_visit_at(visits.get(subject, []), key) if forms_visit(kind, name, bool(staff)) else None,
            customer=self._key_of(held.customer) if held and held.customer is not None else None,
            url=url,
            title=title,
            referrer=referrer,
            channel=channel,
            campaign=_campaign(campaign),
            properties=properties,
            why=why,
        )

    def _visitor(self, visitor: int) -> str:
        if visitor not in self._visitors:
            (id,) = self._conn.execute("SELECT visitor FROM visitors WHERE id = ?", (visitor,)).fetchone()
            self._visitors[visitor] = unpack_id(id)
        return self._visitors[visitor]

    def _key_of(self, customer: int) -> str:
        if customer not in self._keys:
            self._keys[customer] = text_of_key(self._conn, customer)
        return self._keys[customer]

    def campaign(self, campaign: int | None) -> dict[str, str]:
        """What is said of each part of a campaign."""
        if campaign is None:
            return {}
        if campaign not in self._campaigns:
            row = self._conn.execute(_CAMPAIGN, (campaign,)).fetchone()
            self._campaigns[campaign] = _campaign(row)
        return self._campaigns[campaign]


def text_of_key(conn: sqlite3.Connection, customer: int) -> str:
    """The key that a customer bears."""
    kind, space, value = conn.execute("SELECT kind, space, value FROM persons WHERE id = ?", (customer,)).fetchone()
    return keys.customer_key(kind, space, value)


def _read_spans(found: str) -> list[Span]:
    return [
        Span(visitor, customer, why, _key(*bounds[:3]), None if bounds[3] is None else _key(*bounds[3:]))
        for visitor, customer, why, *bounds in _rows.decode(found)
    ]


def _campaign(parts: Sequence[str] | None) -> dict[str, str]:
    return {part: value for part, value in zip(_PARTS, parts or (), strict=parts is not None) if value}


def _visit_at(visits: list[tuple[Key, int]], key: Key) -> str | None:
    found = [first for first, last in visits if first <= key and key[0] <= last]
    return found[-1][1] if found else None


def _key(time: int, mid: Any, trust: int) -> Key:
    return time, unpack_id(mid), int(trust == Trust.SERVER)


def _write_cursor(key: Key) -> str:
    return msgspec.json.encode(key).hex()


def _read_cursor(cursor: str | None) -> Key | None:
    if cursor is None:
        return None
    try:
        key: Key = msgspec.json.decode(bytes.fromhex(cursor), type=tuple[Number, str, Number])
    except (ValueError, msgspec.DecodeError) as error:
        raise Misuse("the cursor is not one that this timeline gave") from error
    return key
