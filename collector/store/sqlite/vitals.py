"""How the file does, at a cost that does not grow with it: sizes, room, the newest event, when each site was last seen.

What enters: a reading connection and the path. What leaves: the read model of `collector.store.health`.
"""

from __future__ import annotations

import os
import shutil
import sqlite3

from collector.store.health import Vitals
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
