"""Who may be written to about what: the latest explicit answer of each address and topic -> rows of `subscriptions`.

What enters: calls that give an answer. What leaves: rows; what a customer's addresses have said, as JSON; the list for
a mailing. Links of browser strength are not followed: an account's answer counts for an address that is surely its own.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from collector.event import Trust
from collector.mailing import ALL_TOPICS, State, answer_of
from collector.properties import exact_properties
from collector.store.keys import customer_key
from collector.store.sqlite.dictionary import EMAIL
from collector.store.sqlite.facts import Fact, Facts
from collector.store.sqlite.ids import ids_in_sql

# An explicit answer beats one that nobody can show; then the latest, in the same millisecond the greater messageId.
_PUT = """
INSERT INTO subscriptions
    (person, topic, state, source, text, language, version, confirmed, time, mid, seq)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (person, topic) DO UPDATE SET
    state = excluded.state, source = excluded.source, text = excluded.text, language = excluded.language,
    version = excluded.version, confirmed = excluded.confirmed, time = excluded.time, mid = excluded.mid,
    seq = excluded.seq
WHERE (excluded.state <> 'unknown', excluded.time, excluded.mid) > (state <> 'unknown', time, mid)
"""
_SAID = """
SELECT topic, state, source, text, language, version, confirmed, time FROM subscriptions WHERE person = ? ORDER BY topic
"""
_LATEST = """
SELECT state, source, text, language, version, confirmed, time FROM subscriptions
WHERE person IN (SELECT value FROM json_each(?1)) AND topic IN (?2, ?3)
ORDER BY state <> 'unknown' DESC, time DESC, mid DESC LIMIT 1
"""
_ADDRESSES = f"""
SELECT persons.id, persons.value, persons.customer,
       CASE WHEN customers.customer IS NOT NULL THEN {ids_in_sql("customers")} END, customers.name,
       bearer.kind, bearer.space, bearer.value
FROM persons LEFT JOIN customers ON customers.customer = persons.customer AND customers.deleted = 0
LEFT JOIN persons AS bearer ON bearer.id = persons.customer
WHERE persons.kind = 1 AND persons.id > ? ORDER BY persons.id LIMIT 1000
"""
_ACCOUNTS = "SELECT id FROM persons WHERE customer = ? AND kind = 0"
_read_ids = msgspec.json.Decoder(list[dict[str, str]]).decode


class Subscribing:
    """Keeps `subscriptions` up to the log, within the caller's transaction."""

    def __init__(self, conn: sqlite3.Connection, facts: Facts) -> None:
        self._conn, self._facts = conn, facts

    def note(self, fact: Fact) -> int | None:
        """Take in a call; returns the person whose answer it is. A no is anybody's, a yes needs more than a claim."""
        person = fact.email if fact.email is not None else fact.user
        if person is None:
            return None
        call_type, name = self._facts.name(fact.name_id)
        if call_type != "track" or (answer := answer_of(call_type, name, exact_properties(fact.properties))) is None:
            return None
        if fact.trust == Trust.CLAIMED and answer.state is not State.NO:
            return None
        said = (answer.topic, answer.state.value, answer.source, answer.text, answer.language, answer.version)
        self._conn.execute(_PUT, (person, *said, answer.confirmed, fact.key[0], fact.key[1], fact.seq))
        return person


def marketing(conn: sqlite3.Connection, persons: list[tuple[int, int, str]]) -> str:
    """What these ids (person, kind, value) of a customer have said, as JSON."""
    told = [
        {
            "address": value if kind == EMAIL else None,
            "topic": topic,
            "state": state,
            "source": source,
            "text": text,
            "language": language,
            "version": version,
            "confirmed": _iso(confirmed),
            "time": _iso(time),
        }
        for person, kind, value in persons
        for topic, state, source, text, language, version, confirmed, time in conn.execute(_SAID, (person,))
    ]
    return msgspec.json.encode(told).decode()


def mailing_list(conn: sqlite3.Connection, topic: str, *, everybody: bool) -> Iterator[list[tuple[Any, ...]]]:
    """Rows of `datasets.MAILING`, in batches: who has said yes to the topic; `everybody`: whatever they said."""
    last = 0
    while page := conn.execute(_ADDRESSES, (last,)).fetchall():
        last = page[-1][0]
        rows = [_row(conn, topic, *address) for address in page]
        yield [row for row in rows if everybody or row[2] == State.YES]


def _row(
    conn: sqlite3.Connection, topic: str, person: int, address: str, customer: int | None, *of: Any
) -> tuple[Any, ...]:
    ids, name, *bearer = of
    surely = ids is not None and (customer == person or _is_sure(ids, address))
    accounts = [account for (account,) in conn.execute(_ACCOUNTS, (customer,))] if surely else []
    asked = msgspec.json.encode([person, *accounts]).decode()
    said = conn.execute(_LATEST, (asked, topic, ALL_TOPICS)).fetchone() or (State.UNKNOWN, "", "", "", "", None, None)
    state, source, text, language, version, confirmed, time = said
    whose = (customer_key(*bearer), name) if surely else (None, "")
    return (address, topic, str(state), source, text, language, version, confirmed, time, *whose)


def _is_sure(ids: str, address: str) -> bool:
    return any(
        one["value"] == address and one["kind"] == "email" and one["strength"] != "claimed" for one in _read_ids(ids)
    )


def _iso(ms: int | None) -> str | None:
    if ms is None:
        return None
    return datetime.fromtimestamp(ms / 1_000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
