"""The durable append: entries -> one transaction, on disk when it returns.

What enters: accepted events, refused calls, counts. What leaves: what became of each. A messageId that (site, kind of
key) has already is a duplicate. It knows nothing of what is derived from the log.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from collector.event import CONSENT_CHANGED, Campaign, Dropped, Event, Setup, Trust
from collector.store import Entry, Left, Outcome, Quarantined
from collector.store.sqlite import desk
from collector.store.sqlite.consenting import Consenting
from collector.store.sqlite.dictionary import Dictionaries, pack_id
from collector.store.sqlite.mids import Mids, seqs
from collector.store.sqlite.networks import pack_network
from collector.store.sqlite.rows import Insert
from collector.store.sqlite.shapes import take_apart
from collector.store.sqlite.tombstones import Tombstones

BOTS_MAX = 1_000

_COLUMNS = """seq, subject, time, place, arrival, name, mid, user, named,
    page, referrer, campaign, setup, network, properties, context, shape, description"""
_INSERT = Insert(f"INSERT INTO events ({_COLUMNS})", columns=18)
# Where a hash was found: the event's own messageId is what counts.
_BEARERS = """
SELECT events.mid, events.site, events.trust = 3
FROM json_each(?) AS sought CROSS JOIN events ON events.seq = sought.value
"""
_BEGIN = "INSERT OR IGNORE INTO beginnings (site, seq, received) VALUES (?, ?, ?)"
_LAST = "SELECT seq FROM sqlite_sequence WHERE name = 'events'"
_COUNT = """
INSERT INTO counters (day, site, what, n) VALUES (?, ?, ?, ?)
ON CONFLICT (day, site, what) DO UPDATE SET n = n + excluded.n
"""
_NO_CAMPAIGN = Campaign()
_NO_SETUP = Setup()


class Appender:
    """Writes groups of entries; the caller holds the transaction."""

    def __init__(
        self, conn: sqlite3.Connection, dictionaries: Dictionaries, mids: Mids, parts: tuple[Tombstones, Consenting]
    ) -> None:
        self._conn, self._words, self._mids = conn, dictionaries, mids
        self._tombstones, self._consenting = parts
        self._sites: dict[str, int] = {}
        self._begun: set[int] = set()

    def forget(self) -> None:
        self._words.forget()
        self._tombstones.forget()
        self._consenting.forget()
        self._sites.clear()
        self._begun.clear()

    def append(self, entries: Sequence[Entry]) -> list[Outcome]:
        """Store a group; the outcomes are in the order of the entries."""
        given, entries = entries, self._consenting.admit(self._without_erased(entries))
        events = [(at, entry) for at, entry in enumerate(entries) if isinstance(entry, Event)]
        outcomes = [Outcome.STORED] * len(entries)
        counts: Counter[tuple[str, int, str]] = Counter()
        self._add_events(events, outcomes)
        self._consenting.log_withdrawals(self._site)
        kept: list[tuple[int, Quarantined]] = []
        for at, entry in enumerate(entries):
            if isinstance(entry, Quarantined):
                kept.append((self._site(entry.site), entry))
                outcomes[at] = Outcome.QUARANTINED
                counts[_day(entry.received), self._site(entry.site), f"quarantined:{entry.reason}"] += 1
            elif isinstance(entry, Left):
                self._leave(entry)
                withdrawn = entry.why is Dropped.CONSENT and not isinstance(given[at], Left)
                outcomes[at] = Outcome.WITHDRAWN if withdrawn else Outcome.DROPPED
                counts[_day(entry.received), self._site(entry.site), f"dropped:{entry.why}"] += 1
        if kept:
            desk.keep(self._conn, kept)
        if counts:
            self._conn.executemany(_COUNT, [(*key, n) for key, n in counts.items()])
        return outcomes

    def _without_erased(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        refused = self._tombstones.refused(entries)
        return (
            [_of_nobody(entry) if at in refused else entry for at, entry in enumerate(entries)] if refused else entries
        )

    def _add_events(self, events: list[tuple[int, Event]], outcomes: list[Outcome]) -> None:
        if not events:
            return
        marked = [(at, event, self._site(event.site), pack_id(event.id)) for at, event in events]
        last = self._conn.execute(_LAST).fetchone()
        seq = last[0] if last else 0
        looked = self._mids.look(mid for _, _, _, mid in marked)
        known = self._bearers(list(seqs(looked, seq)))
        rows, mids, consents, begun = [], [], [], []
        for place, (at, event, site, mid) in enumerate(marked):
            identity = (mid, site, int(event.server))
            if identity in known:
                outcomes[at] = Outcome.DUPLICATE
            else:
                known.add(identity)
                seq += 1
                rows.append(self._row(seq, event, site, mid))
                mids.append((place, seq))
                if site not in self._begun:
                    begun.append((seq, site, event.received))
                if event.name == CONSENT_CHANGED:
                    consents.append((seq, site, event))
        _INSERT.run(self._conn, rows)
        self._mids.add(looked, mids)
        if consents:
            self._consenting.log(consents)
        self._begin(begun)

    def _bearers(self, seqs: list[int]) -> set[tuple[str | bytes, int, int]]:
        """What tells events apart: messageId, site, and whether it came under the secret key."""
        return set(self._conn.execute(_BEARERS, (msgspec.json.encode(seqs).decode(),))) if seqs else set()

    def _begin(self, rows: list[tuple[Any, ...]]) -> None:
        """Note each site's first event."""
        for seq, site, received in rows:
            if site not in self._begun:
                self._conn.execute(_BEGIN, (site, seq, received))
                self._begun.add(site)

    def _row(self, seq: int, event: Event, site: int, mid: str | bytes) -> tuple[Any, ...]:
        words = self._words
        user = words.user(event.user, event.space) if event.user else None
        email = words.email(event.email) if event.email else None
        person = (user or email or 0) if event.trust > Trust.CLAIMED else 0
        subject = words.visitor(event.visitor) if event.visitor else -person
        campaign, setup = event.campaign, event.setup
        consent = words.consents.intern(event.consent) if event.consent else 0
        properties, shape, description = self._said(event.properties)
        return (
            seq,
            subject,
            event.time,
            site & 255 | consent << 8 | site >> 8 << 40,
            (event.received - event.time) << 3 | event.trust << 1 | event.staff,
            words.names.intern(event.name, event.type),
            mid,
            user,
            email if event.previous is None else f"{email or ''}:{event.previous}",
            words.pages.intern(event.url, event.title) if event.url or event.title else None,
            words.referrers.intern(event.referrer, event.channel) if event.referrer or event.channel else None,
            words.campaigns.intern(*msgspec.structs.astuple(campaign)) if campaign != _NO_CAMPAIGN else None,
            words.setups.intern(*msgspec.structs.astuple(setup)) if setup != _NO_SETUP else None,
            pack_network(event.network),
            properties,
            event.context or None,
            shape,
            description,
        )

    def _said(self, properties: str) -> tuple[str | None, int | None, int | None]:
        """Properties as they are stored: the call's own values, the shape and the description; or the whole text."""
        parts = take_apart(properties) if properties else None
        if parts is None:
            return properties or None, None, None
        shape = self._words.shapes.intern_if_room(parts.names, parts.places)
        if shape is None or parts.said is None:
            return (parts.own if shape else properties), shape, None
        description = self._words.descriptions.intern_if_room(parts.said)
        if description is None:
            return properties, None, None
        return parts.own, shape, description

    def _leave(self, entry: Left) -> None:
        if entry.why is Dropped.BOT:
            self._conn.execute(
                "INSERT INTO bots (site, received, user_agent, url) VALUES (?, ?, ?, ?)",
                (self._site(entry.site), entry.received, entry.user_agent, entry.url),
            )
            self._conn.execute("DELETE FROM bots WHERE id <= (SELECT max(id) FROM bots) - ?", (BOTS_MAX,))

    def _site(self, name: str) -> int:
        if name not in self._sites:
            row = self._conn.execute("SELECT id FROM sites WHERE name = ?", (name,)).fetchone()
            if row is None:
                raise LookupError(f"no site {name!r}")
            self._sites[name] = row[0]
        return self._sites[name]


def _of_nobody(entry: Entry) -> Left:
    """What is left of a call of somebody who was erased."""
    return Left(site=entry.site, why=Dropped.ERASED, received=entry.received)


def _day(received: int) -> str:
    return datetime.fromtimestamp(received / 1000, UTC).strftime("%Y-%m-%d")
