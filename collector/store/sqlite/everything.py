"""Everything held about one person: the rows of each table that an erasure would take out.

What enters: a key. What leaves: tables. It only reads, and chooses as `erasing` does.
"""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec
from msgspec.structs import replace

from collector.store.datasets import DATASETS, Column, Type
from collector.store.everything import Everything, Gone, Table
from collector.store.keys import customer_key, read_key
from collector.store.sqlite import desk
from collector.store.sqlite.choosing import Choosing, Chosen
from collector.store.sqlite.columns import SELECTS
from collector.store.sqlite.dictionary import unpack_id
from collector.store.sqlite.scanning import ALWAYS
from collector.store.sqlite.tombstones import Naming, Spans

_SEQS = "(SELECT value FROM json_each(:seqs))"
_CUSTOMERS, _VISITORS = "(SELECT value FROM json_each(:customers))", "(SELECT value FROM json_each(:visitors))"
_OF_THEIRS = f"(f.customer IN {_CUSTOMERS} OR f.visitor IN {_VISITORS})"
_TOLD_OF = f"""EXISTS (
    SELECT 1 FROM order_calls q WHERE q.site = f.site AND q.order_id = f.order_id AND q.seq IN {_SEQS})"""
# Which rows of a dataset; each is led to by an index.
_WHERE = {
    "events": f"e.seq IN {_SEQS}",
    "visits": f"f.visitor IN {_VISITORS} AND f.first_seq IN {_SEQS} AND f.deleted = 0",
    "identities": f"f.visitor IN {_VISITORS} AND f.customer IN {_CUSTOMERS} AND f.deleted = 0",
    "orders": f"{_OF_THEIRS} AND f.deleted = 0 AND {_TOLD_OF}",
    "order_lines": f"""f.deleted = 0 AND (f.site, f.order_id) IN (
        SELECT f.site, f.order_id FROM orders f WHERE {_OF_THEIRS} AND f.deleted = 0 AND {_TOLD_OF})""",
    "consents": f"""(k.seq IN {_SEQS} OR (
        k.mid IS NULL AND k.visitor IN (SELECT visitor FROM visitors WHERE id IN {_VISITORS})))""",
}
_BY_OTHERS = """
SELECT seq FROM events WHERE seq IN (SELECT value FROM json_each(?1))
    AND (user IS NULL OR user IN (SELECT value FROM json_each(?2))) ORDER BY seq
"""
_ANSWERS = """
SELECT topic, state, source, text, version, confirmed, time FROM subscriptions
WHERE person IN (SELECT value FROM json_each(?)) ORDER BY time
"""
_GONE = "SELECT time, events FROM erasures WHERE customer_hash = ? ORDER BY id DESC LIMIT 1"
_IDS = "SELECT kind, space, value FROM persons WHERE id IN (SELECT value FROM json_each(?)) ORDER BY kind, value"
_TRAITS = "SELECT name, value, time FROM traits WHERE person IN (SELECT value FROM json_each(?)) ORDER BY name, time"


def _text(name: str, doc: str) -> Column:
    return Column(name, Type.TEXT, doc)


_OF_IDS = (_text("id", "The key by which this person can be looked up."),)
_OF_TRAITS = (
    _text("name", "What was told."),
    Column("value", Type.JSON, "What it is."),
    Column("time", Type.TIME, "When it was told."),
)
_OF_ANSWERS = (
    _text("topic", "What the mailings are about; `*`: all."),
    _text("state", "`yes`, `no` or `unknown`."),
    _text("source", "Where the answer comes from."),
    _text("text", "The text that was shown."),
    _text("version", "The version of that text."),
    Column("confirmed", Type.TIME, "When a yes was said a second time."),
    Column("time", Type.TIME, "When it was said."),
)
_OF_REFUSED = (
    Column("received", Type.TIME, "When the call came."),
    _text("site", "The site's name."),
    _text("reason", "Why it was not taken in."),
    _text("call", "The call as it came."),
)


def everything(conn: sqlite3.Connection, hash_key: bytes, key: str, at: int) -> Everything:
    """From one state of the file. Raises NotFound."""
    chosen = Choosing(conn, hash_key).choose(key, at)
    chosen = replace(chosen, seqs=_theirs(conn, chosen))
    followed = msgspec.json.encode(sorted(chosen.followed)).decode()
    ids = [(customer_key(*row),) for row in conn.execute(_IDS, (followed,))] or [(_canonical(key),)]
    ids += [(f"visitor:{_visitor(conn, visitor)}",) for visitor in sorted({hole.visitor for hole in chosen.holes})]
    return Everything(
        key=_canonical(key),
        made=at,
        tables=(
            Table("ids", "By what this person, and the devices that are theirs, are known.", _OF_IDS, _distinct(ids)),
            Table("traits", "What was told of the person.", _OF_TRAITS, conn.execute(_TRAITS, (followed,)).fetchall()),
            Table(
                "marketing",
                "What was answered about mailings.",
                _OF_ANSWERS,
                conn.execute(_ANSWERS, (followed,)).fetchall(),
            ),
            *(_rows(conn, name, chosen) for name in _WHERE),
            Table(
                "refused", "Calls in quarantine that name this person.", _OF_REFUSED, _refused(conn, hash_key, chosen)
            ),
        ),
    )


def _theirs(conn: sqlite3.Connection, chosen: Chosen) -> list[int]:
    """Without calls in which somebody else names this person: they tell of that other one too."""
    bound = (_json(chosen.seqs), _json(sorted(chosen.followed)))
    return [seq for (seq,) in conn.execute(_BY_OTHERS, bound)] if chosen.followed else chosen.seqs


def gone(conn: sqlite3.Connection, hash: str) -> Gone | None:
    row = conn.execute(_GONE, (hash,)).fetchone()
    return Gone(hash, *row) if row else None


def _rows(conn: sqlite3.Connection, name: str, chosen: Chosen) -> Table:
    of, select = DATASETS[name], SELECTS[name]
    columns = tuple(column for column in of.columns if column.name not in ("rev", "deleted"))
    listed = ", ".join(select.columns[column.name] for column in columns)
    bound = {
        "seqs": _json(chosen.seqs),
        "customers": _json(sorted(chosen.customers)),
        "visitors": _json(sorted({hole.visitor for hole in chosen.holes})),
    }
    statement = f"SELECT {listed} FROM {select.source} WHERE {_WHERE[name]} ORDER BY {select.time}, {select.keys[0]}"
    return Table(name, of.doc, columns, conn.execute(statement, bound).fetchall())


def _refused(conn: sqlite3.Connection, hash_key: bytes, chosen: Chosen) -> list[tuple[Any, ...]]:
    naming = Naming(conn, hash_key)
    spans: Spans = {}
    for kind, space, value in conn.execute(_IDS, (_json(sorted(chosen.followed)),)):
        spans[naming.hashes.email(value) if kind else naming.hashes.user(space, value)] = [(-ALWAYS, ALWAYS)]
    for hole in chosen.holes:
        spans.setdefault(naming.hashes.visitor(_visitor(conn, hole.visitor)), []).append((hole.start, hole.end))
    found: list[tuple[Any, ...]] = []
    after = 0
    while page := desk.quarantined(conn, after, 500):
        after = page[-1].id
        theirs = (page[place] for place in sorted(naming.within(page, spans)))
        found += [(one.received, one.site, one.reason.value, one.raw.decode("utf-8", "replace")) for one in theirs]
    return found


def _visitor(conn: sqlite3.Connection, visitor: int) -> str:
    return unpack_id(conn.execute("SELECT visitor FROM visitors WHERE id = ?", (visitor,)).fetchone()[0])


def _canonical(key: str) -> str:
    read = read_key(key)
    return customer_key(read.kind, read.space, read.value)


def _distinct(rows: list[tuple[str]]) -> list[tuple[Any, ...]]:
    return list(dict.fromkeys(rows))


def _json(ids: list[int]) -> str:
    return msgspec.json.encode(ids).decode()
