"""What else of the log uses a dictionary's values: those that nothing uses any more leave with an erasure.

What enters: columns of `events` and ids in them. What leaves: those that are not used. The log has no index for this:
whoever may take their time looks first (`surveyed`), and the writer, for whom all wait, only at what came since.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping

import msgspec
from msgspec import Struct

# By column of `events`; ids of persons stand in two.
DICTIONARIES = {
    "name": "names",
    "page": "pages",
    "referrer": "referrers",
    "campaign": "campaigns",
    "setup": "setups",
    "consent": "consents",
    "shape": "shapes",
    "description": "descriptions",
}
PERSONS = ("user", "email")

_WITNESSES = """
SELECT {0}, max(seq) FROM events
WHERE {0} IN (SELECT value FROM json_each(?1)) AND seq NOT IN (SELECT value FROM json_each(?2)) GROUP BY {0}
"""
_BEYOND = "SELECT DISTINCT {0} FROM events WHERE seq > ? AND {0} IN (SELECT value FROM json_each(?))"
_REMEMBER = "INSERT OR IGNORE INTO aged_words (kind, id) VALUES (?, ?)"
_STANDS = "SELECT 1 FROM events WHERE seq = ? AND {0} = ?"


class Usage(Struct, frozen=True):
    """As of event `upto`: for each column and id an event beside the leaving ones that uses it, 0 where none did."""

    upto: int = 0
    witnesses: dict[str, dict[int, int]] = {}


def surveyed(conn: sqlite3.Connection, upto: int, wanted: Mapping[str, Iterable[int]], leaving: str) -> Usage:
    """Looks through the log for each column; `leaving`: the seqs that will go, a JSON list."""
    witnesses = {}
    for column, ids in wanted.items():
        found = dict(conn.execute(_WITNESSES.format(column), (_json(ids), leaving)))
        witnesses[column] = {id: found.get(id, 0) for id in ids}
    return Usage(upto, witnesses)


def remember(conn: sqlite3.Connection, words: Iterable[tuple[str, int]]) -> None:
    """Columns and ids (of persons, `person`) to be looked at when the day's work is done."""
    conn.executemany(_REMEMBER, words)


def unused(conn: sqlite3.Connection, column: str, ids: Iterable[int], usage: Usage) -> set[int]:
    """Which of these ids no event has in that column. Only what was not surveyed is looked for in all of the log."""
    witnesses = usage.witnesses.get(column, {})
    left = {id for id in ids if not (witnesses.get(id) and _stands(conn, column, id, witnesses[id]))}
    late = {id for id in left if witnesses.get(id) == 0}
    for since, some in ((usage.upto, late), (0, left - late)):
        if some:
            left -= {id for (id,) in conn.execute(_BEYOND.format(column), (since, _json(some)))}
    return left


def _stands(conn: sqlite3.Connection, column: str, id: int, seq: int) -> bool:
    return conn.execute(_STANDS.format(column), (seq, id)).fetchone() is not None


def _json(ids: Iterable[int]) -> str:
    return msgspec.json.encode(sorted(ids)).decode()
