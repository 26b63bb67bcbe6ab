"""The layouts of the event log that the storage spike compares: schema, row, insert and look-up of each.

Enters: events of the mix. Leaves: rows of one layout. It measures nothing (`benchmarks.spike` does).
"""

import json
import re
import sqlite3
from collections.abc import Callable
from hashlib import blake2b
from typing import Any, NamedTuple

import zstandard

from benchmarks import mix

CANONICAL_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch
HASH_KEY = b"a key that clients do not know"

DICTIONARIES = """
CREATE TABLE visitors (id INTEGER PRIMARY KEY, visitor NOT NULL UNIQUE);
CREATE TABLE people (id INTEGER PRIMARY KEY, person TEXT NOT NULL UNIQUE);
CREATE TABLE names (id INTEGER PRIMARY KEY, type TEXT, name TEXT, UNIQUE (type, name));
CREATE TABLE pages (id INTEGER PRIMARY KEY, url TEXT, title TEXT, UNIQUE (url, title));
CREATE TABLE referrers (id INTEGER PRIMARY KEY, referrer TEXT UNIQUE);
CREATE TABLE campaigns (id INTEGER PRIMARY KEY, source TEXT, medium TEXT, name TEXT, UNIQUE (source, medium, name));
CREATE TABLE setups (id INTEGER PRIMARY KEY, setup TEXT UNIQUE);
CREATE TABLE sites (id INTEGER PRIMARY KEY, site TEXT UNIQUE);
"""
COLUMNS = """time INTEGER NOT NULL, lag INTEGER NOT NULL, site INTEGER NOT NULL, secret INTEGER NOT NULL,
  subject INTEGER NOT NULL, person INTEGER, mid NOT NULL, name INTEGER NOT NULL, page INTEGER, referrer INTEGER,
  campaign INTEGER, setup INTEGER, ip BLOB, properties"""
DICT_SELECT = """SELECT e.seq, e.time, e.lag, s.site, e.secret, v.visitor, p.person, e.mid, n.type, n.name, g.url,
  g.title, r.referrer, c.source, c.medium, c.name, u.setup, e.ip, e.properties FROM events e {hint}
  JOIN sites s ON s.id = e.site JOIN names n ON n.id = e.name LEFT JOIN visitors v ON v.id = e.subject
  LEFT JOIN people p ON p.id = e.person LEFT JOIN pages g ON g.id = e.page LEFT JOIN referrers r ON r.id = e.referrer
  LEFT JOIN campaigns c ON c.id = e.campaign LEFT JOIN setups u ON u.id = e.setup """


def packed_uuid(text: str) -> bytes | str:
    return bytes.fromhex(text.replace("-", "")) if CANONICAL_UUID(text) else text


def mid_hash(mid: bytes | str) -> int:
    digest = blake2b(mid if isinstance(mid, bytes) else mid.encode(), digest_size=4, key=HASH_KEY).digest()
    return int.from_bytes(digest, "big", signed=True)


class Layout(NamedTuple):
    """One way to keep the log. `insert` skips a known (mid, site, secret) if the layout has a unique index on it."""

    schema: str
    insert: str
    known: str
    newest: str
    dump: str
    row: Callable[["Filler", int, mix.Event], tuple[Any, ...]]
    checks_first: bool = True


class Filler:
    """Turns events into rows; keeps the dictionaries, in memory where known, in the database where new."""

    def __init__(self, db: sqlite3.Connection, layout: Layout) -> None:
        self.db, self.layout, self.seq = db, layout, 0
        self.ids: dict[str, dict[Any, int]] = {}
        self.next_id: dict[str, int] = {}
        self.compress: Callable[[bytes], bytes] = zstandard.ZstdCompressor(level=3).compress
        self.shapes: dict[tuple[str, ...], int] = {}

    def id(self, table: str, *values: Any) -> int:
        known = self.ids.setdefault(table, {})
        found = known.get(values)
        if found is None:
            found = known[values] = self.find_or_add(table, values)
        return found

    def find_or_add(self, table: str, values: tuple[Any, ...]) -> int:
        find = "SELECT id FROM visitors WHERE visitor = ?"
        if table == "visitors" and (row := self.db.execute(find, values).fetchone()):
            return int(row[0])
        new = self.next_id[table] = self.next_id.get(table, 0) + 1
        self.db.execute(f"INSERT INTO {table} VALUES (?{', ?' * len(values)})", (new, *values))
        return new

    def add(self, events: list[mix.Event], check: bool) -> None:
        rows = []
        for event in events:
            self.seq += 1
            row = self.layout.row(self, self.seq, event)
            if not (check and self.layout.checks_first and self.known(event)):
                rows.append(row)
        self.db.executemany(self.layout.insert, rows)

    def known(self, event: mix.Event) -> bool:
        return self.db.execute(self.layout.known, self.key(event)).fetchone() is not None

    def key(self, event: mix.Event) -> tuple[Any, ...]:
        if self.layout is LAYOUTS["wide"]:
            return event.site, event.secret, event.message_id
        mid = packed_uuid(event.message_id)
        key = (mid, self.id("sites", event.site), event.secret)
        return (mid_hash(mid), *key) if "hash" in self.layout.known else key


def wide_row(filler: Filler, seq: int, e: mix.Event) -> tuple[Any, ...]:
    page, campaign, setup = e.page, e.campaign, e.setup
    context = {
        "page": page and {"url": page[0], "title": page[1], "referrer": e.referrer},
        "campaign": campaign and dict(zip(("source", "medium", "name"), campaign, strict=True)),
        "client": setup and dict(zip(mix.MIX["setups"]["parts"], setup, strict=True)),
    }
    text = json.dumps({k: v for k, v in context.items() if v}, separators=(",", ":"))
    return (seq, e.message_id, e.site, e.secret, e.type, e.name, e.visitor, e.person, e.time, e.received, e.network,
            text, e.properties)  # fmt: skip


def dict_row(filler: Filler, seq: int, e: mix.Event) -> tuple[Any, ...]:
    of = filler.id
    person = of("people", e.person) if e.person else None
    subject = of("visitors", packed_uuid(e.visitor)) if e.visitor else -(person or 0)
    setup = of("setups", "\n".join(e.setup)) if e.setup else None
    ip = bytes(map(int, e.network.split(".")[:3])) if e.network else None
    properties = None if e.properties == "{}" else e.properties
    return (seq, e.time, e.received - e.time, of("sites", e.site), e.secret, subject, person,
            packed_uuid(e.message_id), of("names", e.type, e.name), of("pages", *e.page) if e.page else None,
            of("referrers", e.referrer) if e.referrer else None, of("campaigns", *e.campaign) if e.campaign else None,
            setup, ip, properties)  # fmt: skip


def dict32_row(filler: Filler, seq: int, e: mix.Event) -> tuple[Any, ...]:
    row = dict_row(filler, seq, e)
    return (*row, mid_hash(row[7]))


def zstd_row(filler: Filler, seq: int, e: mix.Event) -> tuple[Any, ...]:
    row = dict32_row(filler, seq, e)
    text = row[14]
    return (*row[:14], text and filler.compress(text.encode()), row[15])


def shape_row(filler: Filler, seq: int, e: mix.Event) -> tuple[Any, ...]:
    row = dict32_row(filler, seq, e)
    if row[14] is None:
        return (*row, None)
    properties = json.loads(row[14])
    values = json.dumps(list(properties.values()), separators=(",", ":"))[1:-1]
    return (*row[:14], values, row[15], filler.id("shapes", "\n".join(properties)))


WIDE = Layout(
    schema="""CREATE TABLE events (seq INTEGER PRIMARY KEY, message_id TEXT, site TEXT, kind INTEGER, type TEXT,
      name TEXT, visitor TEXT, person TEXT, time INTEGER, received INTEGER, ip TEXT, context TEXT, properties TEXT);
    CREATE UNIQUE INDEX events_mid ON events (site, kind, message_id);
    CREATE INDEX events_subject ON events (visitor, time);""",
    insert="INSERT OR IGNORE INTO events VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
    known="SELECT 1 FROM events WHERE site = ? AND kind = ? AND message_id = ?",
    newest="SELECT * FROM events WHERE visitor = ? ORDER BY time DESC LIMIT 100",
    dump="SELECT * FROM events WHERE seq > ? ORDER BY seq",
    row=wide_row,
    checks_first=False,
)
DICT = Layout(
    schema=DICTIONARIES
    + f"""CREATE TABLE events (seq INTEGER PRIMARY KEY, {COLUMNS});
    CREATE UNIQUE INDEX events_mid ON events (mid, site, secret);
    CREATE INDEX events_subject ON events (subject, time);""",
    insert=f"INSERT OR IGNORE INTO events VALUES (?{',?' * 14})",
    known="SELECT 1 FROM events WHERE mid = ? AND site = ? AND secret = ?",
    newest=DICT_SELECT.format(hint="") + "WHERE e.subject = ? ORDER BY e.time DESC LIMIT 100",
    dump=DICT_SELECT.format(hint="") + "WHERE e.seq > ? ORDER BY e.seq",
    row=dict_row,
    checks_first=False,
)
DICT32 = DICT._replace(
    schema=DICTIONARIES
    + f"""CREATE TABLE events (seq INTEGER PRIMARY KEY, {COLUMNS}, mid_hash INTEGER NOT NULL);
    CREATE INDEX events_mid_hash ON events (mid_hash);
    CREATE INDEX events_subject ON events (subject, time);""",
    insert=f"INSERT INTO events VALUES (?{',?' * 15})",
    known="SELECT 1 FROM events WHERE mid_hash = ? AND mid = ? AND site = ? AND secret = ?",
    row=dict32_row,
    checks_first=True,
)
HASHES = DICT32._replace(
    schema=DICTIONARIES
    + f"""CREATE TABLE events (seq INTEGER PRIMARY KEY, {COLUMNS});
    CREATE TABLE mids (hash INTEGER, seq INTEGER, PRIMARY KEY (hash, seq)) WITHOUT ROWID;
    CREATE VIEW incoming AS SELECT *, 0 AS hash FROM events;
    CREATE TRIGGER split INSTEAD OF INSERT ON incoming BEGIN
      INSERT INTO events VALUES (new.seq, new.time, new.lag, new.site, new.secret, new.subject, new.person, new.mid,
        new.name, new.page, new.referrer, new.campaign, new.setup, new.ip, new.properties);
      INSERT INTO mids VALUES (new.hash, new.seq);
    END;
    CREATE INDEX events_subject ON events (subject, time);""",
    insert=f"INSERT INTO incoming VALUES (?{',?' * 15})",
    known="""SELECT 1 FROM mids m JOIN events e USING (seq)
      WHERE m.hash = ? AND e.mid = ? AND e.site = ? AND e.secret = ?""",
)
CLUSTERED = DICT32._replace(
    schema=DICTIONARIES
    + f"""CREATE TABLE events (seq INTEGER NOT NULL, {COLUMNS}, mid_hash INTEGER NOT NULL,
      PRIMARY KEY (subject, time, seq)) WITHOUT ROWID;
    CREATE INDEX events_mid_hash ON events (mid_hash);
    CREATE UNIQUE INDEX events_seq ON events (seq);""",
    dump=DICT_SELECT.format(hint="INDEXED BY events_seq") + "WHERE e.seq > ? ORDER BY e.seq",
)
LAYOUTS = {
    "wide": WIDE,
    "dict": DICT,
    "dict32": DICT32,
    "hashes": HASHES,
    "clustered": CLUSTERED,
    "zstd": DICT32._replace(row=zstd_row),
    "shapes": DICT32._replace(
        schema=DICT32.schema
        + """CREATE TABLE shapes (id INTEGER PRIMARY KEY, keys TEXT UNIQUE);
        ALTER TABLE events ADD COLUMN shape INTEGER;""",
        insert=f"INSERT INTO events VALUES (?{',?' * 16})",
        row=shape_row,
    ),
}
VISITS = """CREATE TABLE visits (visitor INTEGER, first_time INTEGER, first_seq INTEGER, last_time INTEGER,
  events INTEGER, rev INTEGER, PRIMARY KEY (visitor, first_time, first_seq)) WITHOUT ROWID;
CREATE INDEX visits_rev ON visits (rev);"""
