"""How each column of the data dictionary is computed from the tables: the one source of exports and SQL views.

What enters: nothing. What leaves: SQL text. Exports take times as ms and format them themselves; views give ISO text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from collector.store.datasets import DATASETS, RESOLVED, Column, Type
from collector.store.keys import FORMS
from collector.store.sqlite import shapes
from collector.store.sqlite.decimals import minus
from collector.store.sqlite.dictionary import unpack_id
from collector.store.sqlite.ids import ids_in_sql
from collector.store.sqlite.networks import unpack_network


class Stored(Struct, frozen=True):
    """A column as it lies in the tables, and how an export makes it: at a third of what it costs in SQL."""

    columns: tuple[str, ...]
    read: Callable[..., Any]


class Select(Struct, frozen=True, kw_only=True):
    """One dataset's rows. `keys` order an export, the cursor's column first; `until` bounds spans that have an end.

    `stored`: columns that exports make themselves.
    """

    source: str
    columns: dict[str, str]
    stored: dict[str, Stored] = {}
    keys: tuple[str, ...]
    time: str
    site: str = ""
    until: str | None = None
    where: str = ""


def views() -> dict[str, str]:
    """The statement that creates each view, by the view's name."""
    resolved = ("events_resolved", DATASETS["events"].columns + RESOLVED)
    shown = [(name, each.columns) for name, each in DATASETS.items()] + [resolved]
    return {f"v_{name}": _view(f"v_{name}", SELECTS[name], columns) for name, columns in shown}


def _view(name: str, select: Select, columns: tuple[Column, ...]) -> str:
    listed = ",\n    ".join(f"{_shown(select.columns[column.name], column)} AS {column.name}" for column in columns)
    where = f"\nWHERE {select.where}" if select.where else ""
    return f"CREATE VIEW {name} AS SELECT\n    {listed}\nFROM {select.source}{where};"


def _shown(sql: str, column: Column) -> str:
    return _iso(sql) if column.type is Type.TIME else sql


def _iso(ms: str) -> str:
    """ISO 8601 with milliseconds, by whole numbers only: a float could round them."""
    return f"strftime('%Y-%m-%dT%H:%M:%S', ({ms}) / 1000, 'unixepoch') || printf('.%03dZ', ({ms}) % 1000)"


def _id(stored: str) -> str:
    """Ids that are UUIDs are stored as 16 bytes, others as they came."""
    digits = ", ".join(f"hex(substr({stored}, {at}, {size}))" for at, size in ((1, 4), (5, 2), (7, 2), (9, 2), (11, 6)))
    return f"CASE typeof({stored}) WHEN 'blob' THEN lower(printf('%s-%s-%s-%s-%s', {digits})) ELSE {stored} END"


def _key(person: str) -> str:
    """The text of a customer's key: `keys.customer_key` in SQL."""
    value, space = f"{person}.value", f"{person}.space"
    escaped = f"replace(replace({space}, '%', '%25'), ':', '%3A')"
    looks = " OR ".join(f"{value} GLOB '{form}*'" for form in FORMS)
    return (
        f"CASE WHEN {person}.kind = 1 THEN 'email:' || {value} WHEN {space} <> '' THEN 'user@' || {escaped} || ':' || "
        f"{value} WHEN {looks} THEN 'user:' || {value} ELSE {value} END"
    )


def _trust(strength: str) -> str:
    return f"CASE {strength} WHEN 0 THEN 'claimed' WHEN 1 THEN 'browser' WHEN 2 THEN 'signed' ELSE 'server' END"


def _network(stored: str) -> str:
    """3 bytes are an IPv4 /24, 6 an IPv6 /48; zeros at the end of the latter go into its `::`."""
    four = " || '.' || ".join(_byte(stored, at) for at in (1, 3, 5)) + " || '.0'"
    groups = [_group(stored, at) for at in (1, 5, 9)]
    two = f"{groups[0]} || ':' || {groups[1]}"
    return (
        f"CASE length({stored}) WHEN 3 THEN {four} WHEN 6 THEN CASE "
        f"WHEN substr({stored}, 5) <> x'0000' THEN {two} || ':' || {groups[2]} "
        f"WHEN substr({stored}, 3) <> x'00000000' THEN {two} "
        f"WHEN {stored} <> x'000000000000' THEN {groups[0]} ELSE '' END || '::' ELSE '' END"
    )


def _nibble(stored: str, at: int) -> str:
    return f"instr('123456789ABCDEF', substr(hex({stored}), {at}, 1))"


def _byte(stored: str, at: int) -> str:
    return f"({_nibble(stored, at)} * 16 + {_nibble(stored, at + 1)})"


def _group(stored: str, at: int) -> str:
    return f"coalesce(nullif(ltrim(lower(substr(hex({stored}), {at}, 4)), '0'), ''), '0')"


def _place(event: str) -> str:
    """Where an event stands among others of its millisecond (`visits.Key`, without the time)."""
    return f"({_id(f'{event}.mid')}, {event}.trust = 3)"


def _named(*columns: str, of: str) -> dict[str, str]:
    return {column: f"{of}.{column}" for column in columns}


def _campaign(alias: str) -> dict[str, str]:
    parts = ("source", "medium", "name", "term", "content", "click_id")
    return {f"campaign_{part}": f"coalesce({alias}.{part}, '')" for part in parts}


_FEED = {"rev": "f.rev", "deleted": "f.deleted"}
_SETUP = ("device", "browser", "browser_version", "os", "os_version", "screen", "locale", "timezone", "library")

# Whose an event is: its visitor's span that holds it; without a visitor, the person whom it names.
_TENANCY = f"""(
        SELECT b.n FROM tenancies b LEFT JOIN events x ON x.seq = b.from_seq LEFT JOIN events y ON y.seq = b.to_seq
        WHERE b.visitor = e.subject AND b.deleted = 0
            AND (b.from_time < e.time OR (b.from_time = e.time AND {_place("x")} <= {_place("e")}))
            AND (b.to_time IS NULL OR b.to_time > e.time OR (b.to_time = e.time AND {_place("y")} > {_place("e")}))
        LIMIT 1)"""
_VISIT = f"""(
        SELECT {_id("x.mid")} FROM visits b JOIN events x ON x.seq = b.first_seq JOIN events y ON y.seq = b.last_seq
        WHERE b.visitor = e.subject AND b.deleted = 0 AND b.first_time <= e.time AND b.last_time >= e.time
            AND (b.first_time < e.time OR {_place("x")} <= {_place("e")})
            AND (b.last_time > e.time OR {_place("y")} >= {_place("e")})
        LIMIT 1)"""
# visits.forms_visit, in SQL.
_FORMS_VISIT = (
    "e.staff IS NULL AND NOT (n.type = 'track' AND "
    "(n.name IN ('Order Refunded', 'Order Cancelled') OR n.name GLOB 'Email *'))"
)

_DICTIONARIES = """events e
LEFT JOIN sites s ON s.id = e.site
LEFT JOIN names n ON n.id = e.name
LEFT JOIN visitors v ON v.id = e.subject
LEFT JOIN persons u ON u.id = e.user
LEFT JOIN persons m ON m.id = e.email
LEFT JOIN pages p ON p.id = e.page
LEFT JOIN referrers r ON r.id = e.referrer
LEFT JOIN campaigns c ON c.id = e.campaign
LEFT JOIN setups d ON d.id = e.setup
LEFT JOIN consents k ON k.id = e.consent"""
_SAID = shapes.JOINS.format(event="e")
_CALL = {
    "seq": "e.seq",
    "id": _id("e.mid"),
    "site": "s.name",
    "time": "e.time",
    "received": "e.time + e.lag",
    "visitor": _id("v.visitor"),
    "user_id": "u.value",
    "email": "m.value",
    "url": "coalesce(p.url, '')",
}


def _read_id(stored: str | bytes | None) -> str | None:
    return None if stored is None else unpack_id(stored)


def _read_properties(names: str | None, places: str, said: str | None, stored: str | None) -> str:
    return shapes.put_together(names, places, said, stored or "") if names else stored or "{}"


_EVENTS = Select(
    source=f"{_DICTIONARIES}\n{_SAID}",
    keys=("e.seq",),
    time="e.time",
    site="e.site",
    columns={
        **_CALL,
        "trust": _trust("e.trust"),
        "type": "n.type",
        "name": "n.name",
        "space": "coalesce(u.space, '')",
        "previous": "e.previous",
        "staff": "e.staff IS NOT NULL",
        "title": "coalesce(p.title, '')",
        "referrer": "coalesce(r.referrer, '')",
        "channel": "coalesce(r.channel, '')",
        **_campaign("c"),
        **{part: f"coalesce(d.{part}, '')" for part in _SETUP},
        "network": _network("e.network"),
        "consent": "coalesce(k.granted, '')",
        "properties": shapes.text_in_sql("e"),
        "context": "coalesce(e.context, '{}')",
    },
    stored={
        "id": Stored(("e.mid",), _read_id),
        "visitor": Stored(("v.visitor",), _read_id),
        "network": Stored(("e.network",), unpack_network),
        "properties": Stored(("shapes.names", "shapes.places", "descriptions.said", "e.properties"), _read_properties),
    },
)
# What the back end says of an order without naming anybody is its customer's. The order's number finds the order, the
# primary key of order_calls confirms that the call was taken in as one about it. CASE: most calls need not be read.
_ORDER_OF_CALL = f"""e.subject = 0 AND e.trust = 3 AND a.site = e.site AND a.deleted = 0
    AND a.order_id = CASE WHEN e.subject = 0 AND e.trust = 3 THEN (
        SELECT trim(coalesce(json_extract(said, '$.order_id'), json_extract(said, '$.orderId')))
        FROM (SELECT {shapes.text_in_sql("e")} AS said)) END
    AND EXISTS (SELECT 1 FROM order_calls q WHERE q.site = a.site AND q.order_id = a.order_id AND q.seq = e.seq)"""
_RESOLVED = {
    "customer": _key("w"),
    "visit": f"CASE WHEN {_FORMS_VISIT} THEN {_VISIT} END",
    "why": "CASE WHEN t.why IS NOT NULL THEN t.why WHEN e.trust = 0 THEN 'claimed' "
    "WHEN o.customer IS NOT NULL THEN 'named' WHEN a.customer IS NOT NULL THEN 'order' END",
}
# A call that names no visitor is the person's own; where its word joins nothing its subject is 0.
_EVENTS_RESOLVED = Select(
    source=f"""{_DICTIONARIES}
{_SAID}
LEFT JOIN tenancies t ON t.visitor = e.subject AND t.n = {_TENANCY}
LEFT JOIN persons o ON e.subject < 0 AND o.id = -e.subject
LEFT JOIN orders a ON {_ORDER_OF_CALL}
LEFT JOIN persons w ON w.id = coalesce(t.customer, o.customer, a.customer)""",
    keys=_EVENTS.keys,
    time=_EVENTS.time,
    site=_EVENTS.site,
    columns=_EVENTS.columns | _RESOLVED,
    stored=_EVENTS.stored,
)


def _categories(listed: str, said: str) -> str:
    """Categories with commas, as a JSON object that says the same of each."""
    members = f"replace(json_quote({listed}), ',', '\":{said},\"') || ':{said}'"
    return f"CASE WHEN {listed} <> '' THEN '{{' || {members} || '}}' ELSE '{{}}' END"


_CONSENTS = Select(
    source="consent_log k\nLEFT JOIN sites s ON s.id = k.site",
    keys=("k.seq",),
    time="k.time",
    site="k.site",
    columns={
        "id": f"coalesce({_id('k.mid')}, '')",
        "site": "s.name",
        "visitor": _id("k.visitor"),
        "user_id": "k.user",
        "preferences": _categories("k.granted", "true"),
        "refused": _categories("k.refused", "false"),
        **_named("seq", "time", "received", "email", "url", "text", "language", "version", "who_hash", of="k"),
    },
)
_VISITS = Select(
    source="""visits f
JOIN events e ON e.seq = f.first_seq
LEFT JOIN sites s ON s.id = e.site
LEFT JOIN visitors v ON v.id = f.visitor
LEFT JOIN pages p ON p.id = e.page
LEFT JOIN referrers r ON r.id = e.referrer
LEFT JOIN campaigns c ON c.id = f.campaign""",
    keys=("f.rev", "f.visitor", "f.deleted", "f.first_time", "f.first_seq"),
    time="f.first_time",
    site="e.site",
    columns={
        "visitor": _id("v.visitor"),
        "visit": _id("e.mid"),
        "site": "s.name",
        "from_time": "f.first_time",
        "to_time": "f.last_time",
        "events": "f.events",
        "landing_url": "coalesce(p.url, '')",
        "landing_title": "coalesce(p.title, '')",
        "referrer": "coalesce(r.referrer, '')",
        "channel": "coalesce(r.channel, '')",
        **_campaign("c"),
        **_FEED,
    },
)
_CUSTOMERS = Select(
    source="customers f JOIN persons w ON w.id = f.customer",
    keys=("f.rev", "f.customer"),
    time="f.first_seen",
    columns={
        "customer": _key("w"),
        **_named(
            *("kind", "traits", "name", "email", "phone", "first_seen", "last_seen", "orders", "unconfirmed"),
            *("money", "first_order", "last_order", "marketing"),
            of="f",
        ),
        "ids": ids_in_sql("f"),
        **_FEED,
    },
)
_ORDERS = Select(
    source="""orders f
LEFT JOIN sites s ON s.id = f.site
LEFT JOIN visitors v ON v.id = f.visitor
LEFT JOIN persons w ON w.id = f.customer""",
    keys=("f.rev", "f.site", "f.order_id"),
    time="f.time",
    site="f.site",
    columns={
        "site": "s.name",
        "customer": _key("w"),
        "visitor": _id("v.visitor"),
        **_named("order_id", "confirmed", "status", "time", "currency", "total", "refunded", of="f"),
        **{
            name: f"json_extract(f.fold, '$.{name}')"
            for name in ("revenue", "tax", "shipping", "discount", "sold_via", "location")
        },
        "net": minus("f.total", "f.refunded"),
        "coupons": "coalesce(json_extract(f.fold, '$.coupons'), '[]')",
        **_FEED,
    },
)
_ORDER_LINES = Select(
    source="""order_lines f
LEFT JOIN sites s ON s.id = f.site
LEFT JOIN orders o ON o.site = f.site AND o.order_id = f.order_id""",
    keys=("f.rev", "f.site", "f.order_id", "f.n"),
    time="o.time",
    site="f.site",
    columns={
        "site": "s.name",
        **_named("order_id", "n", "product_id", "variant_id", "sku", "name", "quantity", "price", "discount", of="f"),
        **_FEED,
    },
)
_IDENTITIES = Select(
    source="""tenancy_sets s
CROSS JOIN tenancies f ON f.visitor = s.visitor
LEFT JOIN visitors v ON v.id = f.visitor
LEFT JOIN events x ON x.seq = f.from_seq
LEFT JOIN events y ON y.seq = f.to_seq
LEFT JOIN events z ON z.seq = f.evidence
LEFT JOIN persons w ON w.id = f.customer""",
    keys=("s.rev", "s.visitor", "f.n"),
    time="f.from_time",
    until="f.to_time",
    columns={
        "visitor": _id("v.visitor"),
        **_named("n", "from_time", "to_time", "why", of="f"),
        "from_id": _id("x.mid"),
        "to_id": _id("y.mid"),
        "customer": _key("w"),
        "strength": _trust("f.strength"),
        "evidence": _id("z.mid"),
        **_FEED,
        "rev": "s.rev",
    },
)
_ERASURES = Select(
    source="erasures f",
    keys=("f.id",),
    time="f.time",
    columns={
        "erasure": "f.id",
        **_named("time", "customer_hash", "events", "seqs", of="f"),
        "rev": "f.id",
        "deleted": "0",
    },
)
SELECTS = {
    "events": _EVENTS,
    "events_resolved": _EVENTS_RESOLVED,
    "consents": _CONSENTS,
    "visits": _VISITS,
    "customers": _CUSTOMERS,
    "orders": _ORDERS,
    "order_lines": _ORDER_LINES,
    "identities": _IDENTITIES,
    "erasures": _ERASURES,
}
