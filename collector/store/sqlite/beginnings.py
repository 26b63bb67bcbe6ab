"""Each site's first event, and what came and was not stored.

What enters: a connection, a site's name. What leaves: the read model of `collector.store.beginnings`.
"""

from __future__ import annotations

import sqlite3

from collector.store.beginnings import Beginning, FirstEvent

# sites by its unique name, then primary keys.
_FIRST = """
SELECT beginnings.received, coalesce(names.type, ''), coalesce(names.name, ''), coalesce(pages.url, '')
FROM sites JOIN beginnings ON beginnings.site = sites.id
LEFT JOIN events ON events.seq = beginnings.seq
LEFT JOIN names ON names.id = events.name
LEFT JOIN pages ON pages.id = events.page
WHERE sites.name = ?
"""
# Primary key of counters, by day.
_LEFT = """
SELECT what, sum(n) FROM counters WHERE day >= ? AND site = (SELECT id FROM sites WHERE name = ?) GROUP BY what
"""


def beginning(conn: sqlite3.Connection, site: str, since_day: str) -> Beginning:
    row = conn.execute(_FIRST, (site,)).fetchone()
    first = FirstEvent(received=row[0], type=row[1], name=row[2], url=row[3]) if row else None
    return Beginning(first, dict(conn.execute(_LEFT, (since_day, site))))
