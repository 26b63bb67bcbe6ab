"""Reading the log for derivation: stored rows -> the facts that visits, identity and orders are made of.

What enters: a connection and ranges of the log. What leaves: facts with integer handles, steps and keys.
It derives nothing itself.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec

from collector.event import Campaign, Trust
from collector.identity import Place
from collector.mailing import ANSWERS
from collector.orders import OrderCall
from collector.properties import exact_properties
from collector.store.sqlite.dictionary import id_in_json, unpack_id
from collector.store.sqlite.sayings import Sayings, exact_or_none
from collector.visits import Key, Step, forms_visit

_COLUMNS = """
events.seq, events.site, events.trust, events.subject, events.time, events.mid, events.name,
events.user, events.email, events.previous, events.staff, events.campaign, events.page, events.referrer
"""
# Properties are read only where derivation needs them: traits, and whatever may speak of an order; of a product that
# was viewed or added only what it is called; answers about mailings. A text without a shape may be long: it is looked
# into where it lies.
# The rows come as one JSON text: see rows.py.
_FACTS = f"""
SELECT json_group_array(json_array(
    seq, site, trust, subject, time, {id_in_json("mid")}, name, user,
    email, previous, staff, campaign, page, referrer,
    CASE WHEN name IN (SELECT id FROM names WHERE name IN ('Product Viewed', 'Product Added') AND type = 'track')
             AND shape IS NULL
        THEN json_extract(properties, '$.product_id', '$.id', '$.sku', '$.name') END,
    CASE WHEN shape IS NOT NULL OR user IS NOT NULL OR email IS NOT NULL OR instr(properties, '"order')
        THEN properties END,
    shape, description))
FROM ({{}})
"""
# Only the columns that are asked for: some are computed.
_READ = f"SELECT {_COLUMNS}, properties, shape, description FROM events"
_SINCE = _FACTS.format(f"{_READ} WHERE seq > ? ORDER BY seq LIMIT ?")
_CHOSEN = _FACTS.format(f"{_READ} WHERE seq IN (SELECT value FROM json_each(?))")
# Index events_timeline.
_OF_VISITOR = f"SELECT {_COLUMNS}, NULL, NULL, NULL, NULL FROM events WHERE subject = ? AND seq <= ? ORDER BY time"
_OF_VISITOR_FROM = f"""
SELECT {_COLUMNS}, NULL, NULL, NULL, NULL FROM events WHERE subject = ? AND time >= ? AND seq <= ? ORDER BY time
"""
_FROM_TIME = "SELECT time, mid, trust, seq FROM events WHERE subject = ? AND time >= ? ORDER BY time"
_DOWN_FROM = """
SELECT time, mid, trust, seq, name, staff FROM events WHERE subject = ? AND time <= ? ORDER BY time DESC
"""
_LAST_TAKEN_IN = "SELECT time, mid, trust, seq FROM events WHERE subject = ? AND seq <= ? ORDER BY time DESC"
_UP_FROM = "SELECT time, mid, trust, seq, name, staff FROM events WHERE subject = ? AND time >= ? ORDER BY time"
# Primary key of order_calls, then one row of the log for each.
_OF_ORDER = f"""
SELECT {_COLUMNS}, NULL, events.properties, events.shape, events.description
FROM order_calls JOIN events ON events.seq = order_calls.seq WHERE order_calls.site = ? AND order_calls.order_id = ?
"""
_SERVER = int(Trust.SERVER)
PRODUCT_TOLD_BY = frozenset({"Product Viewed", "Product Added"})
_rows = msgspec.json.Decoder(list[list[Any]], float_hook=exact_or_none)


class Fact(NamedTuple):
    """What derivation needs of one event; persons, visitors and dictionaries as integer handles."""

    seq: int
    site: int
    trust: int
    subject: int
    key: Key
    name_id: int
    user: int | None
    email: int | None
    previous: str | None
    staff: int | None
    campaign: int | None
    page: int | None
    referrer: int | None
    product: list[Any] | None
    properties: str | None


class Facts:
    """Facts of the log through one connection; the names and campaigns of the dictionaries are kept at hand."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn
        self._sayings = Sayings(conn)
        self._names: dict[int, tuple[str, str]] = {}
        self._campaigns: dict[int, Campaign] = {}

    def since(self, seq: int, limit: int) -> list[Fact]:
        rows = _rows.decode(self._conn.execute(_SINCE, (seq, limit)).fetchone()[0])
        return sorted(map(self._fact, rows))

    def of_seqs(self, chosen: str) -> list[Fact]:
        """Those events of the log; `chosen` is a JSON list of their seqs."""
        rows = _rows.decode(self._conn.execute(_CHOSEN, (chosen,)).fetchone()[0])
        return sorted(map(self._fact, rows))

    def of_visitor(self, visitor: int, upto: int) -> list[Fact]:
        """A visitor's events up to that seq, sorted by key."""
        facts = [self._fact(row) for row in self._conn.execute(_OF_VISITOR, (visitor, upto))]
        facts.sort(key=lambda fact: fact.key)
        return facts

    def steps_from(self, visitor: int, place: Place, upto: int) -> Iterator[Step]:
        """A visitor's steps at or behind a place, up to that seq, sorted; read as they are asked for."""
        rows = self._conn.execute(_OF_VISITOR_FROM, (visitor, max(place[0], -(2**62)), upto))
        for _, tied in groupby(map(self._fact, rows), lambda fact: fact.key[0]):
            yield from self.steps(fact for fact in sorted(tied, key=lambda fact: fact.key) if fact.key >= place)

    def of_order(self, site: int, order_id: str) -> list[OrderCall]:
        return [self._order_call(self._fact(row)) for row in self._conn.execute(_OF_ORDER, (site, order_id))]

    def first_from(self, subject: int, place: Place) -> tuple[Key, int] | None:
        """The first event at or behind a place, as (key, seq)."""
        rows = self._conn.execute(_FROM_TIME, (subject, place[0]))
        return self._first(rows, lambda key: key >= place, min)

    def last_taken_in(self, subject: int, projected: int) -> Key | None:
        """The last event of a timeline among those up to `projected`."""
        found = self._first(self._conn.execute(_LAST_TAKEN_IN, (subject, projected)), lambda key: True, max)
        return found[0] if found else None

    def last_before(self, subject: int, place: Place | None) -> tuple[Key, int] | None:
        """The last event before a place (None: at all) in which the person took part, as (key, seq)."""
        bound = 2**62 if place is None else place[0]
        rows = self._conn.execute(_DOWN_FROM, (subject, bound))
        return self._first(self._taking_part(rows), lambda key: place is None or key < place, max)

    def first_seen_from(self, subject: int, place: Place) -> tuple[Key, int] | None:
        """The first event at or behind a place in which the person took part, as (key, seq)."""
        rows = self._conn.execute(_UP_FROM, (subject, max(place[0], -(2**62))))
        return self._first(self._taking_part(rows), lambda key: key >= place, min)

    def behind_and_amid(self, subject: int, key: Key) -> tuple[Key, int] | None:
        """The event directly behind a key, as (key, seq); None where the person did not take part in it and in the one
        directly before."""
        down = self._conn.execute(_DOWN_FROM, (subject, key[0]))
        up = self._conn.execute(_UP_FROM, (subject, key[0]))
        before, behind = self._nearest(down, key.__gt__, max), self._nearest(up, key.__lt__, min)
        if before is None or behind is None:
            return None
        amid = all(forms_visit(*self.name(name), bool(staff)) for _, _, name, staff in (before, behind))
        return behind[:2] if amid else None

    def name(self, name_id: int) -> tuple[str, str]:
        """(type, name) of a dictionary entry."""
        if name_id not in self._names:
            row = self._conn.execute("SELECT type, name FROM names WHERE id = ?", (name_id,)).fetchone()
            self._names[name_id] = (row[0], row[1])
        return self._names[name_id]

    def campaign(self, campaign: int | None) -> Campaign | None:
        if campaign is None:
            return None
        if campaign not in self._campaigns:
            row = self._conn.execute(
                "SELECT source, medium, name, term, content, click_id FROM campaigns WHERE id = ?", (campaign,)
            ).fetchone()
            if len(self._campaigns) > 10_000:
                self._campaigns.clear()
            self._campaigns[campaign] = Campaign(*row)
        return self._campaigns[campaign]

    def steps(self, facts: Iterable[Fact]) -> list[Step]:
        """The steps of those events that form visits, in the order given."""
        return [Step(fact.key, fact.seq, self.campaign(fact.campaign)) for fact in facts if self.forms_visit(fact)]

    def forms_visit(self, fact: Fact) -> bool:
        return forms_visit(*self.name(fact.name_id), bool(fact.staff))

    def forget(self) -> None:
        self._sayings.forget()
        self._names.clear()
        self._campaigns.clear()

    def _fact(self, row: Sequence[Any]) -> Fact:
        """A row of _COLUMNS, then what is said of a product, properties, shape and description."""
        seq, site, trust, subject, time, mid, name_id, *rest, product, properties, shape, description = row
        if shape is not None:
            product, properties = self._read(name_id, shape, description, properties)
        key = (time, unpack_id(mid), int(trust == _SERVER))
        return Fact._make((seq, site, trust, subject, key, name_id, *rest, product, properties))

    def _read(self, name_id: int, shape: int, description: int | None, own: str) -> tuple[list[Any] | None, str | None]:
        """What derivation needs of properties that have a shape: (what a product is called, the text)."""
        call_type, name = self.name(name_id)
        product = text = None
        if call_type == "track" and name in PRODUCT_TOLD_BY:
            product = self._sayings.product(shape, description, own)
        if call_type == "identify" or name in ANSWERS or self._sayings.shapes[shape].may_tell_order:
            text = self._sayings.text(shape, description, own)
        return product, text

    def _order_call(self, fact: Fact) -> OrderCall:
        call_type, name = self.name(fact.name_id)
        return OrderCall(
            key=fact.key,
            seq=fact.seq,
            trust=fact.trust,
            type=call_type,
            name=name,
            properties=exact_properties(fact.properties),
            visitor=fact.subject if fact.subject > 0 else None,
            user=fact.user,
            email=fact.email,
            staff=bool(fact.staff),
        )

    def _taking_part(self, rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        return (row for row in rows if forms_visit(*self.name(row[4]), bool(row[5])))

    @staticmethod
    def _first(rows: Iterable[tuple[Any, ...]], fits: Any, best: Any) -> tuple[Key, int] | None:
        """The best fitting row of the first millisecond that has one: rows come by time, ties in any order."""
        found = Facts._nearest(((*row[:4], None, None) for row in rows), fits, best)
        return found[:2] if found else None

    @staticmethod
    def _nearest(rows: Iterable[tuple[Any, ...]], fits: Any, best: Any) -> tuple[Key, int, Any, Any] | None:
        """The same, as (key, seq, name, staff)."""
        found: list[tuple[Key, int, Any, Any]] = []
        for time, mid, trust, seq, name, staff in rows:
            if found and found[0][0][0] != time:
                break
            key = (time, unpack_id(mid), int(trust == Trust.SERVER))
            if fits(key):
                found.append((key, seq, name, staff))
        return best(found, key=itemgetter(0, 1)) if found else None
