"""Whether a database file is ours and whole, and how much it holds.

What enters: a connection that only reads. What leaves: counts, or faults as SQLite words them. It changes nothing.
"""

from __future__ import annotations

import sqlite3

from msgspec import Struct

from collector.errors import Misuse
from collector.store.sqlite.connection import OURS, TABLES_OF_OURS, refuse_strangers, schema_version

FAULTS_MAX = 5
LARGE = ("sightings", "visitors", "visits", "mids", "events")
# Of `events` a count reads its smallest index whole; the newest is one step down the primary key.
_HOLDS = """
SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM sites WHERE removed IS NULL),
       (SELECT count(*) FROM customers WHERE deleted = 0),
       (SELECT time + lag FROM events ORDER BY seq DESC LIMIT 1),
       (SELECT coalesce(max(id), 0) FROM erasures)
"""


class Contents(Struct, frozen=True, kw_only=True):
    """What a file holds. `newest`: when its last event was received; `erasures`: the number of its last one."""

    bytes: int
    schema: int
    events: int
    sites: int
    customers: int
    newest: int | None
    erasures: int


def must_be_ours(conn: sqlite3.Connection, path: str) -> None:
    """Raises Misuse where the file is another program's, a newer Footfall's, or none that can be read."""
    try:
        refuse_strangers(conn, path)
        must_be_footfall(conn, path)
    except sqlite3.DatabaseError as error:
        raise Misuse(f"{path} is not a Footfall database that can be read: {error}") from error


def must_be_footfall(conn: sqlite3.Connection, path: str) -> None:
    """Raises Misuse where the file is another program's."""
    if conn.execute(OURS).fetchone()[0] != TABLES_OF_OURS:
        raise Misuse(f"{path} is not a Footfall database")


def contents(conn: sqlite3.Connection) -> Contents:
    """What a file of ours holds."""
    events, sites, customers, newest, erasures = conn.execute(_HOLDS).fetchone()
    return Contents(
        bytes=size(conn),
        schema=schema_version(conn),
        events=events,
        sites=sites,
        customers=customers,
        newest=newest,
        erasures=erasures,
    )


def faults(conn: sqlite3.Connection, *, deep: bool) -> list[str]:
    """What is broken in the file, none where all is well. `deep` also compares each index with its table."""
    check = "integrity_check" if deep else "quick_check"
    return _told(conn, f"PRAGMA {check}({FAULTS_MAX})")


def faults_of(conn: sqlite3.Connection, table: str) -> list[str] | None:
    """What is broken in one table and its indexes, these not compared with it; None where it was interrupted."""
    found = _told(conn, f'PRAGMA quick_check("{table}")')[:FAULTS_MAX]
    return None if found == ["interrupted"] else found


def tables(conn: sqlite3.Connection) -> list[str]:
    """Those of the file, the log and what grows with it last."""
    names = [name for (name,) in conn.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
    return sorted(names, key=lambda name: LARGE.index(name) + 1 if name in LARGE else 0)


def _told(conn: sqlite3.Connection, check: str) -> list[str]:
    try:
        found = [text for (text,) in conn.execute(check)]
    except sqlite3.DatabaseError as error:
        return [str(error)]
    return [] if found == ["ok"] else [" ".join(text.split()) for text in found]


def size(conn: sqlite3.Connection) -> int:
    """Bytes of the file as this connection sees it, what waits in the WAL included."""
    pages, page_bytes = (conn.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    return int(pages * page_bytes)
