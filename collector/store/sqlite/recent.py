"""The end of the log, read backward: what came last, and whose it is as of now.

What enters: a seq or some, a revision. What leaves: the read models of `collector.store.recent`, from one snapshot.
Everything is found by primary key or by the index of a feed's revisions; it writes nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import msgspec

from collector.event import Campaign
from collector.store.prospects import Came
from collector.store.recent import Arrival, Changed, Happening
from collector.store.sqlite.columns import SELECTS

# How many persons and visitors that changed are looked at, at most, for each question.
CHANGES_MAX = 2_000

# Primary key of events, downwards. The rows come as one JSON text: see rows.py.
_ARRIVALS = """
SELECT json_group_array(json_array(seq, site))
FROM (SELECT events.seq AS seq, sites.name AS site FROM events JOIN sites ON sites.id = events.site
      WHERE events.seq > ? ORDER BY events.seq DESC LIMIT ?)
"""
_arrivals = msgspec.json.Decoder(list[Arrival])
_SHOWN = (
    *("seq", "site", "type", "name", "time", "received", "visitor", "customer", "staff", "url", "title"),
    *("device", "browser", "os", "properties"),
)
_RESOLVED = SELECTS["events_resolved"]
# What brought somebody is said by the first event of the visit; until that is derived, by the event itself.
_CAME = ["coalesce(l.channel, r.channel, '')", "coalesce(l.referrer, r.referrer, '')"]
_CAME += [f"coalesce(h.{part}, c.{part}, '')" for part in Campaign.__struct_fields__]
# Primary keys of events, a probe each, and of visits, those of one visitor; whose an event is, is found as exports do.
_HAPPENINGS = f"""
SELECT coalesce(nullif(known.name, ''), known.email, ''),
       {", ".join([_RESOLVED.columns[name] for name in _SHOWN] + _CAME)}
FROM {_RESOLVED.source}
LEFT JOIN customers known ON known.customer = w.id AND known.deleted = 0
LEFT JOIN visits g ON g.visitor = e.subject AND g.deleted = 0 AND (g.first_time, g.first_seq) = (
    SELECT first_time, first_seq FROM visits WHERE visitor = e.subject AND deleted = 0 AND first_time <= e.time
    ORDER BY first_time DESC LIMIT 1)
LEFT JOIN events b ON b.seq = g.first_seq
LEFT JOIN referrers l ON l.id = b.referrer
LEFT JOIN campaigns h ON h.id = g.campaign
WHERE e.seq IN (SELECT value FROM json_each(?)) ORDER BY e.seq DESC
"""
_LATEST = "SELECT value FROM meta WHERE key = 'rev'"
_STANDING = "SELECT seq FROM events WHERE seq IN (SELECT value FROM json_each(?))"
# Indexes tenancy_sets_rev, customers_rev, tenancies_customer, persons_customer; then a probe of the log for each seq.
_TOUCHED = f"""
WITH named AS (SELECT customer FROM customers WHERE rev > ?1 ORDER BY rev DESC LIMIT {CHANGES_MAX}),
     touched AS (
         SELECT * FROM (
             SELECT visitor AS subject FROM tenancy_sets WHERE rev > ?1 ORDER BY rev DESC LIMIT {CHANGES_MAX})
         UNION SELECT tenancies.visitor FROM named JOIN tenancies ON tenancies.customer = named.customer
         UNION SELECT -persons.id FROM named JOIN persons ON persons.customer = named.customer)
SELECT seq FROM events WHERE seq IN (SELECT value FROM json_each(?2)) AND subject IN (SELECT subject FROM touched)
"""


class End:
    """The end of the log through one connection; the caller holds the snapshot."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn

    def arrivals(self, after: int, limit: int) -> list[Arrival]:
        """The newest events behind a seq."""
        arrivals = _arrivals.decode(self._conn.execute(_ARRIVALS, (after, limit)).fetchone()[0])
        return sorted(arrivals, key=lambda arrival: -arrival.seq)

    def happenings(self, seqs: Sequence[int]) -> list[Happening]:
        """Those events, newest first."""
        return [_happening(row) for row in self._conn.execute(_HAPPENINGS, (_listed(seqs),))]

    def changed(self, seqs: Sequence[int], since: int | None) -> Changed:
        """What became of those events since a revision."""
        row = self._conn.execute(_LATEST).fetchone()
        rev = int(row[0]) if row else 0
        standing = {seq for (seq,) in self._conn.execute(_STANDING, (_listed(seqs),))}
        gone = tuple(seq for seq in seqs if seq not in standing)
        if since is None or rev == since:
            return Changed(rev, gone, ())
        touched = [seq for (seq,) in self._conn.execute(_TOUCHED, (since, _listed(seqs)))]
        return Changed(rev, gone, tuple(self.happenings(touched)))


def _happening(row: tuple[Any, ...]) -> Happening:
    called, *shown = row
    fields = dict(zip(_SHOWN, shown, strict=False))
    fields["staff"] = bool(fields["staff"])
    channel, referrer, *campaign = shown[len(_SHOWN) :]
    return Happening(**fields, called=called, came=Came(channel, referrer, Campaign(*campaign)))


def _listed(seqs: Sequence[int]) -> str:
    return msgspec.json.encode(list(seqs)).decode()
