"""Properties that are stored in parts come back to the letter, by every way that leads to them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from collector.event import Event, Site, Trust
from collector.store import ActivityQuery, ExportQuery
from collector.store.sqlite.shapes import put_together, take_apart
from collector.store.sqlite.store import SqliteStore

PRODUCT = '{"product_id":"P1","name":"Lamp","price":1.50,"quantity":2,"position":14}'
ODD = [
    PRODUCT,
    '{"product_id":"P1","name":"Lamp","price":1.50}',
    '{"price":1.0,"big":123456789012345678901234567890,"power":1e5,"less":-0.0,"POWER":1E+5}',
    '{"quantity":2,"product_id":"P1","list":[1,{"b":null,"a":[]}],"nested":{"z":{},"a":"\\"%s\\""}}',
    '{"":"","a b":" ","%s":"%(x)s","\\"quoted\\"":"\\\\","\\u0001":"\\n"}',
    '{"größe":"ß – 😀","sku":"Ω","name":null,"title":true,"brand":false}',
    '{"a" : 1}',
    '{"a":[1, 2]}',
    '{"a":1,"a":2}',
    '{"\\u0061":1}',
    '{"a":"\\u0061\\/"}',
    '{"product_id":"P1","name":"' + "x" * 2_000 + '"}',
    '{"' + "n" * 600 + '":1}',
    "{" + ",".join(f'"p{n}":{n}' for n in range(64)) + "}",
]
values = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False, allow_infinity=False) | some.text(),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(), inner, max_size=3),
    max_leaves=6,
)
names = some.text(max_size=8) | some.sampled_from(["product_id", "sku", "name", "price", "quantity", "order_id"])


def call(id: str, time: int = 0, name: str = "Viewed", **fields: Any) -> Event:
    told = {"site": "shop", "trust": Trust.BROWSER, "visitor": "tablet", "received": time} | fields
    return Event(id=id, type="track", name=name, time=time, **told)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with closing(SqliteStore.open(str(tmp_path / "footfall.db"))) as store:
        store.put_site(Site(name="shop", write_key="wk", secret_key_hash="sk", identity_key="ik"))
        yield store


def exported(store: SqliteStore) -> list[str]:
    rows = [row for batch in store.export("events", ExportQuery()).batches for row in batch]
    return [row[-2] for row in rows]


def viewed(store: SqliteStore, view: str = "v_events") -> list[str]:
    with closing(sqlite3.connect(store.path)) as conn:
        return [text for (text,) in conn.execute(f"SELECT properties FROM {view} ORDER BY seq")]


def stored(store: SqliteStore, columns: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(store.path)) as conn:
        return conn.execute(f"SELECT {columns} FROM events ORDER BY seq").fetchall()


def test_every_way_of_reading_gives_the_text_that_came(store: SqliteStore) -> None:
    texts = [*ODD, "", *ODD]
    store.append([call(f"m{at}", at, properties=text) for at, text in enumerate(texts)])
    store.follow()
    wanted = [text or "{}" for text in texts]
    assert exported(store) == wanted
    assert viewed(store) == viewed(store, "v_events_resolved") == wanted
    page = store.activity("visitor:tablet", ActivityQuery(limit=100))
    assert page is not None
    assert [each.properties for each in reversed(page.events)] == texts


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(some.dictionaries(names, values, max_size=6))
def test_whatever_is_taken_apart_can_be_put_together(properties: dict[str, Any]) -> None:
    text = msgspec.json.encode(properties).decode()
    parts = take_apart(text)
    assert (parts is None) == (not properties)
    assert parts is None or put_together(parts.names, parts.places, parts.said, parts.own) == text


def test_sqlite_puts_together_what_python_takes_apart(store: SqliteStore) -> None:
    texts: list[str] = []

    @settings(deadline=None, max_examples=40, database=None, suppress_health_check=[HealthCheck.too_slow])
    @given(some.dictionaries(names, values, min_size=1, max_size=6))
    def gather(properties: dict[str, Any]) -> None:
        texts.append(msgspec.json.encode(properties).decode())

    gather()
    store.append([call(f"m{at}", at, properties=text) for at, text in enumerate(texts)])
    assert viewed(store) == texts
    assert all(shape for (shape,) in stored(store, "shape"))


def test_what_is_said_of_a_product_is_stored_once(store: SqliteStore) -> None:
    again = PRODUCT.replace('"position":14', '"position":15')
    dearer = PRODUCT.replace("1.50", "1.60")
    store.append([call(f"m{at}", at, properties=text) for at, text in enumerate((PRODUCT, again, dearer))])
    assert stored(store, "properties, shape, description") == [("2,14", 1, 1), ("2,15", 1, 1), ("2,14", 1, 2)]


def test_who_makes_up_names_fills_a_dictionary_and_nothing_else(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("shapes", "descriptions"):
        monkeypatch.setattr(getattr(store._words, name), "_entries_max", 3)
    texts = [f'{{"made up {at}":1}}' for at in range(6)]
    texts += [f'{{"made up 2":2,"sku":{at}}}' for at in range(2)]
    texts += [texts[2]]
    store.append([call(f"m{at}", at, properties=text) for at, text in enumerate(texts)])
    assert [bool(shape) for (shape,) in stored(store, "shape")] == [True] * 3 + [False] * 5 + [True]
    assert viewed(store) == texts


def test_a_shape_outlives_a_transaction_that_was_undone(store: SqliteStore) -> None:
    with pytest.raises(LookupError):
        store.append([call("m1", properties=PRODUCT), call("m2", site="nobody's")])
    store.append([call("m1", properties=PRODUCT)])
    assert viewed(store) == [PRODUCT]


def test_erasure_takes_names_and_descriptions_that_were_one_persons(store: SqliteStore) -> None:
    hers = '{"jane doe likes":1,"sku":"for jane only"}'
    theirs = '{"likes":1,"sku":"for all"}'
    store.append(
        [
            call("m1", visitor="jane's", user="jane", properties=hers),
            call("m2", 1, visitor="jane's", user="jane", properties=theirs),
            call("m3", 2, visitor="joe's", user="joe", properties=theirs),
        ]
    )
    store.follow()

    def everything() -> bytes:
        return b"".join(file.read_bytes() for file in Path(store.path).parent.iterdir())

    assert b"jane doe likes" in everything() and b"for jane only" in everything()
    store.erase("jane", 10)
    assert b"jane doe likes" not in everything() and b"for jane only" not in everything()
    assert viewed(store) == [theirs]
    store.append([call("m4", 3, visitor="joe's", properties='{"hates":1,"sku":"new"}')])
    store.follow()
    assert viewed(store) == [theirs, '{"hates":1,"sku":"new"}']


def test_a_row_of_before_keeps_its_text_and_is_read_like_the_others(store: SqliteStore) -> None:
    order = '{"order_id":"1001","total":12.50,"currency":"EUR"}'
    store.append([call("m1", name="Order Completed", properties=order, user="42")])
    with closing(sqlite3.connect(store.path)) as conn, conn:
        conn.execute("UPDATE events SET properties = ?, shape = NULL, description = NULL", (order,))
    store.append([call("m2", 1, name="Product Viewed", properties=PRODUCT)])
    store.rebuild()
    assert viewed(store) == [order, PRODUCT]
    rows = [row for batch in store.export("orders", ExportQuery()).batches for row in batch]
    assert len(rows) == 1 and "12.50" in rows[0]


def test_a_number_that_nobody_can_read_does_not_hold_up_the_others(store: SqliteStore) -> None:
    unreadable = '{"product_id":1e-99999999999999999999,"quantity":1e-99999999999999999999}'
    spaced = unreadable.replace(":", ": ")
    store.append(
        [call(f"m{at}", at, "Product Viewed", properties=each) for at, each in enumerate((unreadable, spaced))]
    )
    assert [shape for (shape,) in stored(store, "shape")] == [1, None]
    assert not store.follow()
    assert store.stats()["backlog"] == store.stats()["set_aside"] == 0
    assert viewed(store) == [unreadable, spaced]
