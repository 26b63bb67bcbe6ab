"""Devices: the visitors that are a customer's, what they run on, since when and why.

What enters: spans of visitors. What leaves: devices, the one that was seen last first, and what each last consented to.
It decides nothing about whose a device is: that is in `tenancies`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from collector.event import Trust
from collector.store.dossier import DEVICES_MAX, Agreed, Device, Stay
from collector.store.sqlite.dictionary import unpack_id
from collector.store.sqlite.scanning import ALWAYS, Span
from collector.store.sqlite.timeline import text_of_key

# A call that the back end sends for a visitor says nothing of its browser: a few calls are looked at.
_LOOKED_AT = 30
# Index events_timeline, down from the end of a span and up from its start.
_LATELY = f"""
SELECT time, setup, consent FROM events WHERE subject = ?1 AND time BETWEEN ?2 AND ?3
ORDER BY time DESC LIMIT {_LOOKED_AT}
"""
_SEEN = f"""
SELECT (SELECT min(time) FROM events WHERE subject = ?1 AND time BETWEEN ?2 AND ?3),
       (SELECT max(time) FROM events WHERE subject = ?1 AND time BETWEEN ?2 AND ?3),
       (SELECT setup FROM ({_LATELY}) WHERE setup IS NOT NULL LIMIT 1)
"""
_CONSENT = f"SELECT time, consent FROM ({_LATELY}) WHERE consent IS NOT NULL LIMIT 1"
# Index consent_log_visitor. A withdrawal has no messageId.
_LAST_SAID = """
SELECT time, mid IS NULL FROM consent_log WHERE visitor = (SELECT visitor FROM visitors WHERE id = ?)
ORDER BY received DESC, seq DESC LIMIT 1
"""
_SETUP = "SELECT device, browser, browser_version, os, os_version, locale FROM setups WHERE id = ?"
_STAYS = """
SELECT tenancies.customer, tenancies.from_time, tenancies.to_time, tenancies.why, tenancies.strength,
       tenancies.evidence, evidence.time
FROM tenancies JOIN events AS evidence ON evidence.seq = tenancies.evidence
WHERE tenancies.visitor = ? AND tenancies.deleted = 0 ORDER BY tenancies.n
"""


def joined_visitors(spans: Iterable[Span]) -> list[int]:
    """The visitors of the spans, the one whose last span began last first."""
    starts = [(span.start, span.subject) for span in spans if span.subject > 0 and span.start is not None]
    return list(dict.fromkeys(visitor for _, visitor in sorted(starts, reverse=True)))


def devices(conn: sqlite3.Connection, spans: list[Span], visitors: list[int]) -> tuple[Device, ...]:
    """The first DEVICES_MAX of these visitors, as far as the spans reach."""
    shown = [
        _device(conn, visitor, [span for span in spans if span.subject == visitor])
        for visitor in visitors[:DEVICES_MAX]
    ]
    return tuple(sorted(shown, key=lambda each: each.last_seen or 0, reverse=True))


def agreed(conn: sqlite3.Connection, spans: list[Span]) -> Agreed | None:
    """The newest word of a device on consent."""
    newest: tuple[int, int] | None = None
    for span in sorted((span for span in spans if span.subject > 0), key=lambda span: times_of(span)[1], reverse=True):
        low, high = times_of(span)
        row = conn.execute(_CONSENT, (span.subject, low, high)).fetchone()
        if row and (newest is None or row > newest):
            newest = row
    if newest is None:
        return None
    granted = conn.execute("SELECT granted FROM consents WHERE id = ?", (newest[1],)).fetchone()[0]
    return Agreed(tuple(granted.split(",")), newest[0])


def withdrawn(conn: sqlite3.Connection, visitors: Iterable[int]) -> int | None:
    """When one of these devices last withdrew and has not consented again."""
    said = [conn.execute(_LAST_SAID, (visitor,)).fetchone() for visitor in list(visitors)[:DEVICES_MAX]]
    return max((row[0] for row in said if row and row[1]), default=None)


def _device(conn: sqlite3.Connection, visitor: int, spans: list[Span]) -> Device:
    customer = spans[0].customer
    seen = [conn.execute(_SEEN, (visitor, *times_of(span))).fetchone() for span in spans]
    setup = next((setup for _, _, setup in reversed(seen) if setup is not None), None)
    row = conn.execute(_SETUP, (setup,)).fetchone() or ("",) * 6
    device, browser, browser_version, os, os_version, locale = row
    stays = conn.execute(_STAYS, (visitor,)).fetchall()
    holders = list(dict.fromkeys(stay[0] for stay in stays))
    return Device(
        visitor=unpack_id(conn.execute("SELECT visitor FROM visitors WHERE id = ?", (visitor,)).fetchone()[0]),
        device=device,
        browser=_versioned(browser, browser_version),
        os=_versioned(os, os_version),
        locale=locale,
        first_seen=min((first for first, _, _ in seen if first is not None), default=None),
        last_seen=max((last for _, last, _ in seen if last is not None), default=None),
        others=sum(holder != customer for holder in holders) if customer is not None else 0,
        customers=tuple(text_of_key(conn, holder) for holder in holders[:_LOOKED_AT]),
        stays=tuple(
            Stay(
                from_time=from_time,
                to_time=to_time,
                why=why,
                strength=Trust(strength).word,
                evidence=evidence,
                evidence_time=evidence_time,
            )
            for holder, from_time, to_time, why, strength, evidence, evidence_time in stays
            if customer is None or holder == customer
        ),
    )


def times_of(span: Span) -> tuple[int, int]:
    """The range of time that holds a span; an event that ends it is another's, and one millisecond more."""
    return -ALWAYS if span.start is None else span.start[0], ALWAYS if span.end is None else span.end[0] - 1


def _versioned(name: str, version: str) -> str:
    return f"{name} {version.partition('.')[0]}".strip()
