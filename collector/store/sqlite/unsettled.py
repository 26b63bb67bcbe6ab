"""Whether what a look-up of one key tells may still change by calls that are in the log and not derived from yet.

What enters: a key, through a connection that reads. What leaves: yes or no. What other people's browsers do meanwhile
touches nobody else, so a look-up need not wait for it; what links ids or speaks of an order may touch anybody.
"""

from __future__ import annotations

import sqlite3

from collector.event import Trust
from collector.identity import Act
from collector.store.keys import Kind, read_key
from collector.store.sqlite.dictionary import pack_id

# So many calls are looked at; where more wait, all do.
BACKLOG_MAX = 5_000
CLAIMS_MAX = 200

# Whose timelines are read, and the persons whom they may name. An alias may have claimed a visitor who is yet to come.
_OF_PERSON = f"""
WITH bearer AS (SELECT id, customer FROM persons WHERE value = ? AND kind = ? AND space = ?),
people AS (SELECT id FROM bearer UNION SELECT persons.id FROM bearer JOIN persons USING (customer)),
subjects AS (SELECT -id FROM people
             UNION SELECT visitor FROM bearer JOIN tenancies USING (customer) WHERE tenancies.deleted = 0
             UNION SELECT visitor FROM (
                 SELECT visitor FROM people JOIN claims ON claims.user = people.id
                 WHERE claims.act = {int(Act.LOG_IN)} AND claims.strength = {int(Trust.SERVER)} LIMIT {CLAIMS_MAX}))
"""
_OF_VISITOR = """
WITH subjects AS (SELECT id FROM visitors WHERE visitor = ?),
people AS (SELECT persons.id FROM subjects JOIN tenancies ON tenancies.visitor = subjects.id
           JOIN persons ON persons.customer = tenancies.customer WHERE tenancies.deleted = 0)
"""
_TOUCHED = f"""
, span AS (SELECT (SELECT coalesce(max(value), 0) FROM meta WHERE key = 'projected') AS projected,
                  (SELECT coalesce(max(seq), 0) FROM events) AS last)
SELECT last > projected AND (last > projected + {BACKLOG_MAX} OR EXISTS (
    SELECT 1 FROM events WHERE seq > projected AND (
        subject IN (SELECT * FROM subjects) OR user IN (SELECT * FROM people) OR email IN (SELECT * FROM people)
        OR (user IS NOT NULL AND named IS NOT NULL)
        OR instr(properties, '"order') OR shape IN (SELECT id FROM shapes WHERE instr(names, '"order')))))
FROM span
"""


def is_unsettled(conn: sqlite3.Connection, key: str) -> bool:
    """Whether to wait for what is derived before this key is looked up."""
    read = read_key(key)
    if read.kind is Kind.VISITOR:
        row = conn.execute(_OF_VISITOR + _TOUCHED, (pack_id(read.value),)).fetchone()
    else:
        row = conn.execute(_OF_PERSON + _TOUCHED, (read.value, int(read.kind), read.space)).fetchone()
    return bool(row[0])
