"""Whether what a look-up of one key tells may still change by calls that are in the log and not derived from yet.

What enters: a key and whom those calls name, through a connection that reads. What leaves: yes or no. What other
people's browsers do meanwhile touches nobody else, so a look-up need not wait for it.
"""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec

from collector.event import Trust
from collector.identity import Act
from collector.store.keys import Kind, read_key
from collector.store.sqlite.dictionary import id_in_json, pack_id, unpack_id
from collector.store.touched import Person, Told, Touched

CLAIMS_MAX = 200
# More orders and addresses are not looked for, nor more of what is told of them: everybody waits.
SOUGHT_MAX, TOLD_MAX = 5_000, 20_000
# Another process may have written, too: where calls wait and none is known of, or so many, everybody does.
BACKLOG_MAX = 5_000

_BACKLOG = """
SELECT (SELECT coalesce(max(seq), 0) FROM events)
     - (SELECT coalesce(max(value), 0) FROM meta WHERE key = 'projected')
"""

# Whose timelines are read, and the persons whom they may name. An alias may have claimed a visitor who is yet to come,
# and an order's address may count one day where a user id holds now.
_OF_PERSON = f"""
WITH bearer AS (SELECT id, customer FROM persons WHERE value = ? AND kind = ? AND space = ?),
people AS (SELECT id FROM bearer UNION SELECT persons.id FROM bearer JOIN persons USING (customer)),
subjects AS (SELECT visitor AS id FROM bearer JOIN tenancies USING (customer) WHERE tenancies.deleted = 0
             UNION SELECT visitor FROM (
                 SELECT visitor FROM people JOIN claims ON claims.user = people.id
                 WHERE claims.act = {int(Act.LOG_IN)} AND claims.strength = {int(Trust.SERVER)} LIMIT {CLAIMS_MAX})
             UNION SELECT visitor FROM (
                 SELECT visitor FROM people JOIN claims ON claims.email = people.id AND claims.user IS NULL
                 WHERE claims.act = {int(Act.ORDER_EMAIL)} LIMIT {CLAIMS_MAX}))
"""
_OF_VISITOR = """
WITH subjects AS (SELECT id FROM visitors WHERE visitor = ?),
people AS (SELECT persons.id FROM subjects JOIN tenancies ON tenancies.visitor = subjects.id
           JOIN persons ON persons.customer = tenancies.customer WHERE tenancies.deleted = 0)
"""
_THEIR_NAMES = f"""
SELECT ({_BACKLOG}), (SELECT coalesce(max(value), 0) FROM meta WHERE key = 'projected'), json_array(
    (SELECT json_group_array({id_in_json("visitor")})
     FROM subjects CROSS JOIN visitors USING (id)),
    (SELECT json_group_array(json_array(kind, space, value)) FROM people CROSS JOIN persons USING (id)))
"""
# An order may make a visitor its person's, whichever call tells the rest. An address that becomes another's takes along
# what it claimed, and that may change how many share a device.
_TOLD = f"""
WITH told AS (
    SELECT events.subject AS subject, events.user AS user, events.email AS email
    FROM json_each(?) AS sought JOIN sites ON sites.name = sought.value ->> 0
    JOIN order_calls ON order_calls.site = sites.id AND order_calls.order_id = sought.value ->> 1
    CROSS JOIN events ON events.seq = order_calls.seq
    UNION ALL
    SELECT claims.visitor, NULL, NULL
    FROM json_each(?) AS linked JOIN persons ON persons.value = linked.value AND persons.kind = {int(Kind.EMAIL)}
    JOIN claims ON claims.email = persons.id AND claims.user IS NULL
    LIMIT {TOLD_MAX + 1}
)
SELECT (SELECT count(*) FROM told), json_array(
    (SELECT json_group_array({id_in_json("visitor")}) FROM visitors WHERE id IN (SELECT subject FROM told)),
    (SELECT json_group_array(json_array(kind, space, value)) FROM persons
     WHERE id IN (SELECT -subject FROM told UNION SELECT user FROM told UNION SELECT email FROM told)))
"""
_names = msgspec.json.Decoder(tuple[list[str | list[str]], list[Person]])


def is_unsettled(conn: sqlite3.Connection, key: str, touched: Touched) -> bool:
    """Whether to wait for what is derived before this key is looked up; the caller holds a snapshot."""
    if touched.everybody:
        return True
    if not touched.anybody:
        return bool(conn.execute(_BACKLOG).fetchone()[0] > 0)
    sought = read_key(key)
    whose: tuple[Any, ...] = (sought.value, int(sought.kind), sought.space)
    of = _OF_PERSON
    if sought.kind is Kind.VISITOR:
        of, whose = _OF_VISITOR, (pack_id(sought.value),)
    backlog, derived, names = conn.execute(of + _THEIR_NAMES, whose).fetchone()
    if backlog > BACKLOG_MAX:
        return True
    ids, people = _names.decode(names)
    visitors = [*map(unpack_id, ids)]
    # Of whom nothing is in the log yet, something may be on its way there.
    if sought.kind is Kind.VISITOR:
        visitors.append(sought.value)
    else:
        people.append((sought.kind.value, sought.space, sought.value))
    if touched.names(visitors, people):
        return True
    told = _told(conn, derived, touched)
    # Once more, since too many may have been touched meanwhile: then nobody is kept.
    return told is None or told.names(visitors, people) or touched.everybody


def _told(conn: sqlite3.Connection, derived: int, touched: Touched) -> Told | None:
    """Of the orders and addresses that are touched; None where that is too much.

    It is looked up once in each state of the store, for all who ask.
    """
    known = touched.told  # once: another thread may put its own there
    if known.derived != derived:
        known = Told(derived)
    orders = [order for order in touched.orders if order not in known.orders]
    links = [link for link in touched.links if link not in known.links]
    if len(orders) + len(links) > SOUGHT_MAX:
        return None
    if orders or links:
        sought = msgspec.json.encode(orders).decode(), msgspec.json.encode(links).decode()
        found, names = conn.execute(_TOLD, sought).fetchone()
        if found > TOLD_MAX:
            return None
        ids, people = _names.decode(names)
        known = touched.told = Told(
            derived,
            known.orders.union(orders),
            known.links.union(links),
            known.visitors.union(map(unpack_id, ids)),
            known.people.union(people),
        )
    return known
