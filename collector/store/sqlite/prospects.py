"""Prospects: visitors who are nobody's yet, newest or keenest first, each with what is worth knowing at a glance.

What enters: a query. What leaves: a page of prospects. Which ones come is read from one index of `sightings`; the rest
is looked up for those that are shown, in bounded steps. It writes nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from heapq import merge
from itertools import chain, islice
from typing import Any

import msgspec

from collector.cart import CALLS, CartCall, fold
from collector.errors import Misuse
from collector.event import Campaign
from collector.properties import exact_properties
from collector.store.prospects import (
    SORTS,
    VIEW,
    Came,
    InCart,
    LookedAt,
    Prospect,
    ProspectPage,
    ProspectQuery,
    Reached,
)
from collector.store.sqlite import shapes
from collector.store.sqlite.dictionary import unpack_id
from collector.store.sqlite.rows import Number
from collector.store.sqlite.scanning import Span, newest

# How far back a visitor's own history is looked through for what it holds in its cart or looked at.
LOOKED_AT_MAX = 2_000
CART_CALLS_MAX = 200

# Index sightings_reached, downwards; it holds all that is asked.
_SEEN = """
SELECT last_time, visitor FROM sightings
WHERE known = 0 AND site = ? AND reached = ? AND last_time BETWEEN ? AND ?
ORDER BY last_time DESC, visitor DESC
"""
# Index sightings_reached.
_PRESENT = "SELECT count(*) FROM sightings WHERE known = ? AND site = ? AND reached = ? AND last_time >= ?"
_SITES = "SELECT id FROM sites WHERE ?1 IS NULL OR name = ?1"
_NAMES = "SELECT id FROM names WHERE type = 'track' AND name IN (SELECT value FROM json_each(?))"
_ROW = """
SELECT visitors.visitor, sites.name, sightings.last_time, sightings.reached, sightings.views, sightings.last_seq,
       coalesce(setups.device, ''), coalesce(setups.browser, ''), coalesce(setups.os, '')
FROM sightings JOIN visitors ON visitors.id = sightings.visitor JOIN sites ON sites.id = sightings.site
JOIN events ON events.seq = sightings.last_seq LEFT JOIN setups ON setups.id = events.setup
WHERE sightings.visitor = ?
"""
# Primary key of visits.
_VISITS = "SELECT count(*), sum(events), min(first_time), first_seq FROM visits WHERE visitor = ? AND deleted = 0"
_CAME = """
SELECT coalesce(referrers.channel, ''), coalesce(referrers.referrer, ''), campaigns.source, campaigns.medium,
       campaigns.name, campaigns.term, campaigns.content, campaigns.click_id
FROM events LEFT JOIN referrers ON referrers.id = events.referrer LEFT JOIN campaigns ON campaigns.id = events.campaign
WHERE events.seq = ?
"""
_EVENTS = f"""
SELECT names.type, names.name, events.time, coalesce(pages.url, ''), coalesce(pages.title, ''),
       {shapes.text_in_sql("events", empty="")}
FROM json_each(?) AS sought CROSS JOIN events ON events.seq = sought.value JOIN names ON names.id = events.name
LEFT JOIN pages ON pages.id = events.page
{shapes.JOINS.format(event="events")}
ORDER BY events.time, events.seq
"""
_EVER = -(2**62)

# (last time, visitor): newest first, and the greater number first within a millisecond.
Found = tuple[int, int]


class Prospecting:
    """Prospects through one connection; the caller holds the snapshot."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn

    def page(self, query: ProspectQuery) -> ProspectPage:
        """The prospects that the query asks for."""
        if query.sort not in SORTS:
            raise Misuse(f"sort must be one of {', '.join(SORTS)}")
        found = list(islice(self._found(query), query.limit + 1))
        more = found[query.limit - 1] if len(found) > query.limit else None
        views, carts = self._names([VIEW]), self._names(CALLS)
        prospects = [self._prospect(visitor, views, carts) for _, _, visitor in found[: query.limit]]
        return ProspectPage(prospects, None if more is None else msgspec.json.encode(more).hex())

    def present(self, site: str | None, since: int) -> int:
        """How many visitors were last seen at or after `since`."""
        return sum(
            self._conn.execute(_PRESENT, (known, at, reached, since)).fetchone()[0]
            for known in (0, 1)
            for at in self._sites(site)
            for reached in Reached
        )

    def _found(self, query: ProspectQuery) -> Iterator[tuple[int, int, int]]:
        """(step, last time, visitor): each step of each site is a stream of the index; streams are merged."""
        after = _read_cursor(query.cursor)
        steps = [step for step in reversed(Reached) if step >= query.reached]
        if query.sort == "interest":
            ahead = [step for step in steps if after is None or step <= after[0]]
            return chain.from_iterable(
                self._newest(query, [step], after[1:] if after and step == after[0] else None) for step in ahead
            )
        return self._newest(query, steps, after and after[1:])

    def _newest(
        self, query: ProspectQuery, steps: list[Reached], after: Found | None
    ) -> Iterator[tuple[int, int, int]]:
        sites = self._sites(query.site)
        streams = [self._stream(site, step, query.since, after) for site in sites for step in steps]
        return merge(*streams, key=lambda found: found[1:], reverse=True)

    def _stream(
        self, site: int, step: Reached, since: int | None, after: Found | None
    ) -> Iterator[tuple[int, int, int]]:
        low, high = _EVER if since is None else since, -_EVER if after is None else after[0]
        for time, visitor in self._conn.execute(_SEEN, (site, int(step), low, high)):
            if after is None or (time, visitor) < after:
                yield int(step), time, visitor

    def _prospect(self, visitor: int, views: list[int], carts: list[int]) -> Prospect:
        id, site, last_time, reached, viewed, last_seq, *setup = self._conn.execute(_ROW, (visitor,)).fetchone()
        visits, events, first_time, first_seq = self._conn.execute(_VISITS, (visitor,)).fetchone()
        channel, referrer, *campaign = self._conn.execute(_CAME, (first_seq,)).fetchone()
        looked_at = (viewed and self._newest_of(visitor, views, 1)) or self._events([last_seq])
        return Prospect(
            visitor=unpack_id(id),
            site=site,
            first_seen=first_time,
            last_seen=last_time,
            reached=Reached(reached),
            visits=visits,
            views=viewed,
            events=events,
            looked_at=LookedAt(*looked_at[-1]),
            came=Came(channel, referrer, Campaign(*(part or "" for part in campaign))),
            cart=self._cart(visitor, carts) if reached >= Reached.CARTED else None,
            device=setup[0],
            browser=setup[1],
            os=setup[2],
        )

    def _cart(self, visitor: int, names: list[int]) -> InCart | None:
        """What lies in it, as far as the last calls about it tell."""
        rows = self._newest_of(visitor, names, CART_CALLS_MAX)
        cart = fold(CartCall(time, name, exact_properties(properties)) for _, name, time, _, _, properties in rows)
        if not cart.lines:
            return None
        amounts = cart.amounts()
        # Currencies are never added together: of several none is the cart's.
        currency, value = next(iter(amounts.items())) if len(amounts) == 1 else ("", None)
        return InCart(cart.items(), value, currency)

    def _newest_of(self, visitor: int, names: list[int], wanted: int) -> list[tuple[Any, ...]]:
        """A visitor's newest events of these names, in the order in which they happened."""
        found = newest(self._conn, [Span(visitor)], wanted, names=names, looked_at_max=LOOKED_AT_MAX)
        return self._events([seq for _, seq, _ in found.events[:wanted]])

    def _events(self, seqs: list[int]) -> list[tuple[Any, ...]]:
        return self._conn.execute(_EVENTS, (msgspec.json.encode(seqs).decode(),)).fetchall()

    def _names(self, names: Any) -> list[int]:
        return [id for (id,) in self._conn.execute(_NAMES, (msgspec.json.encode(sorted(names)).decode(),))]

    def _sites(self, site: str | None) -> list[int]:
        return [id for (id,) in self._conn.execute(_SITES, (site,))]


def _read_cursor(cursor: str | None) -> tuple[int, int, int] | None:
    if cursor is None:
        return None
    try:
        step, time, visitor = msgspec.json.decode(bytes.fromhex(cursor), type=tuple[Number, Number, Number])
    except (ValueError, msgspec.DecodeError) as error:
        raise Misuse("the cursor is not one that this list gave") from error
    return step, time, visitor
