"""How file and shop do, at a cost that does not grow: sizes, room, the newest event, when each site was last seen, and
of the visits and orders that changed last how many are whose.

What enters: a reading connection and the path. What leaves: the read model of `collector.store.health`.
"""

from __future__ import annotations

import os
import shutil
import sqlite3

from collector.store.health import Joined, OrdersLately, Vitals
from collector.store.prospects import Reached
from collector.store.sqlite.copying import file_bytes

# The primary key from its end.
_NEWEST = "SELECT time + lag FROM events ORDER BY seq DESC LIMIT 1"
_BACKED_UP = "SELECT value FROM meta WHERE key = 'backed_up'"
# Twelve seeks of index sightings_reached a site.
_SEEN = f"""
SELECT sites.name, (
    SELECT max(last) FROM (
        SELECT (SELECT max(last_time) FROM sightings
                WHERE known = known_or_not.value AND site = sites.id AND reached = steps.value) AS last
        FROM json_each('[0, 1]') AS known_or_not, json_each('{[int(step) for step in Reached]}') AS steps))
FROM sites WHERE removed IS NULL ORDER BY sites.id
"""
VISITS_MAX = ORDERS_MAX = 1_000
# Index visits_rev from its end; then the primary key of tenancies.
_JOINED = """
SELECT count(*), coalesce(sum(EXISTS (
    SELECT 1 FROM tenancies WHERE tenancies.visitor = latest.visitor AND tenancies.deleted = 0
        AND from_time <= latest.last_time AND (to_time IS NULL OR to_time > latest.first_time))), 0)
FROM (SELECT visitor, first_time, last_time, deleted FROM visits ORDER BY rev DESC LIMIT ?) AS latest
WHERE latest.deleted = 0
"""
# Index orders_rev from its end.
_ORDERS = """
SELECT count(*), coalesce(sum(visitor IS NULL), 0), coalesce(sum(confirmed = 0), 0), coalesce(sum(total IS NULL), 0)
FROM (SELECT visitor, confirmed, total, deleted FROM orders ORDER BY rev DESC LIMIT ?) WHERE deleted = 0
"""


def joined(conn: sqlite3.Connection) -> Joined:
    return Joined(*conn.execute(_JOINED, (VISITS_MAX,)).fetchone())


def orders_lately(conn: sqlite3.Connection) -> OrdersLately:
    orders, without_visitor, unconfirmed, without_total = conn.execute(_ORDERS, (ORDERS_MAX,)).fetchone()
    return OrdersLately(
        orders=orders, without_visitor=without_visitor, unconfirmed=unconfirmed, without_total=without_total
    )


def vitals(conn: sqlite3.Connection, path: str) -> Vitals:
    """As of now."""
    path = os.path.realpath(path)
    disk = shutil.disk_usage(os.path.dirname(path))
    newest = conn.execute(_NEWEST).fetchone()
    backed_up = conn.execute(_BACKED_UP).fetchone()
    return Vitals(
        file_bytes=file_bytes(path),
        wal_bytes=file_bytes(f"{path}-wal"),
        disk_bytes=disk.total,
        disk_free_bytes=disk.free,
        newest=newest[0] if newest else None,
        backed_up=backed_up[0] if backed_up else None,
        seen=dict(conn.execute(_SEEN)),
    )
