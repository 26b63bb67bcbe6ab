"""Erasure as a person would check it: the file's bytes are searched, and the others on the device are asked."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec import structs

from collector.errors import NotFound
from collector.event import Event, Reason, Site, Trust
from collector.store import ActivityQuery, ExportQuery, Quarantined
from collector.store.sqlite import SqliteStore
from collector.store.sqlite.remains import remain

MINUTE = 60_000
DAY = 86_400_000
JANE = ("jane-4711", "jane@secret.example", "Jane Doe", "https://shop.example/jane-only", "device-of-jane")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "footfall.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore.open(str(path))
    store.put_site(Site(name="shop", write_key="wk", secret_key_hash="sk", identity_key="ik"))
    yield store
    store.close()


def event(id: str, time: int, **fields: object) -> Event:
    told = {"type": "page", "name": "", "trust": Trust.BROWSER, "visitor": "tablet", **fields}
    return Event(site="shop", id=id, time=time, received=time, **told)  # type: ignore[arg-type]


def shown(store: SqliteStore, key: str) -> list[tuple[str, str | None, str | None]]:
    page = store.activity(key, ActivityQuery(limit=100))
    assert page is not None
    return [(each.id, each.customer, each.visit) for each in page.events]


def everything(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in path.parent.iterdir())


def test_no_byte_of_the_person_stays_in_the_file(store: SqliteStore, path: Path) -> None:
    user, email, name, url, device = JANE
    traits = f'{{"email":"{email}","name":"{name}"}}'
    order = f'{{"order_id":"jane-order-1","total":5,"email":"{email}"}}'
    refused = Quarantined(
        site="shop",
        server=False,
        received=1,
        reason=Reason.TOO_OLD,
        detail="",
        raw=f'{{"userId":"{user}"}}'.encode(),
    )
    store.append(
        [
            event("m1", 0, visitor=device, url=url, title="only hers"),
            event("m2", MINUTE, visitor=device, type="identify", user=user, email=email, properties=traits),
            event(
                "m3", 2 * MINUTE, visitor=device, type="track", name="Order Completed", properties=order, email=email
            ),
            event("m4", DAY, visitor=None, type="track", name="Email Opened", trust=Trust.SERVER, user=user),
            event("m5", DAY, visitor="other", url="https://shop.example/all"),
            refused,
        ]
    )
    store.follow()
    marks = [mark.encode() for mark in (*JANE, "jane-order-1", "only hers")]
    assert all(mark in everything(path) for mark in marks), "the search itself must be able to find them"

    receipt = store.erase(user, at=2 * DAY)

    assert (receipt.events, receipt.visitors, receipt.quarantined) == (4, 1, 1)
    assert [mark for mark in marks if mark in everything(path)] == []
    assert store.profile(user) is None and store.activity(f"visitor:{device}", ActivityQuery()) is None
    assert shown(store, "visitor:other") == [("m5", None, "m5")]
    rows = [row for batch in store.export("erasures", ExportQuery()).batches for row in batch]
    assert len(rows) == 1 and receipt.hash in rows[0]


def test_another_customer_on_the_same_device_keeps_exactly_theirs(store: SqliteStore) -> None:
    store.append(
        [
            event("a1", 0),
            event("a2", MINUTE, type="identify", user="A"),
            event("a3", 2 * MINUTE, type="track", name="Signed Out"),
            event("n1", DAY),
            event("b1", 2 * DAY),
            event("b2", 2 * DAY + MINUTE, type="identify", user="B"),
            event("b3", 3 * DAY),
        ]
    )
    store.follow()
    before = shown(store, "B")
    assert [id for id, _, _ in before] == ["b3", "b2", "b1"]

    store.erase("A", at=4 * DAY)

    assert shown(store, "B") == before
    assert ("n1", None, "n1") in shown(store, "visitor:tablet")
    assert {id for id, _, _ in shown(store, "visitor:tablet")} == {"n1", "b1", "b2", "b3"}
    store.rebuild()
    assert shown(store, "B") == before


def test_an_address_that_only_a_browser_linked_is_not_followed(store: SqliteStore) -> None:
    store.append(
        [
            event("a1", 0, type="identify", user="A", email="victim@shop.example"),
            event("v1", 0, visitor=None, type="track", name="Note", trust=Trust.SERVER, email="victim@shop.example"),
        ]
    )
    store.follow()
    store.erase("A", at=DAY)
    assert shown(store, "email:victim@shop.example") == [("v1", "email:victim@shop.example", None)]


def test_the_address_that_was_asked_for_goes_also_where_a_browser_linked_it_to_somebody_else(
    store: SqliteStore,
) -> None:
    order = '{"order_id":"1","total":1}'
    bought = event("s1", 1, visitor=None, type="track", name="Order Completed", trust=Trust.SERVER, properties=order)
    store.append(
        [
            event("a1", 0, type="identify", user="mallory", email="zoe@x.example"),
            structs.replace(bought, email="zoe@x.example"),
        ]
    )
    store.follow()
    assert store.erase("email:zoe@x.example", at=DAY).events == 2, "mallory's call names her address"
    assert store.profile("email:zoe@x.example") is None
    rows = [row for batch in store.export("orders", ExportQuery()).batches for row in batch]
    assert rows == []


def test_whoever_claims_an_address_cannot_have_its_bearer_erased(store: SqliteStore) -> None:
    order = '{"order_id":"7001","total":1}'
    sold = event("w2", 2, visitor=None, type="track", name="Order Completed", trust=Trust.SERVER, properties=order)
    store.append(
        [
            event("w0", 0, visitor="W"),
            event("w1", 1, visitor="W", type="track", name="Order Completed", properties=order),
            structs.replace(sold, email="will@x.example"),
            event("m1", 3, visitor="M", type="identify", user="mallory", email="will@x.example"),
        ]
    )
    store.follow()
    assert store.erase("mallory", at=DAY).events == 1
    assert {id for id, _, _ in shown(store, "email:will@x.example")} == {"w0", "w1", "w2"}


def test_nobody_can_be_erased_twice(store: SqliteStore) -> None:
    store.append([event("a1", 0, type="identify", user="A")])
    store.erase("A", at=DAY)
    with pytest.raises(NotFound):
        store.erase("A", at=DAY)


def test_what_sqlite_leaves_between_rows_is_noticed_and_written_over(tmp_path: Path) -> None:
    """Rows that come in any order divide pages, and a divided page may keep a copy of what moved."""
    file, shuffled = tmp_path / "words.db", random.Random(1)
    words = [f"{shuffled.getrandbits(64):016x}" for _ in range(3_000)]
    with closing(sqlite3.connect(file, isolation_level=None)) as conn:
        conn.execute("PRAGMA secure_delete = ON")
        conn.execute("CREATE TABLE words (word TEXT PRIMARY KEY) WITHOUT ROWID")
        conn.execute("BEGIN")
        conn.executemany("INSERT INTO words VALUES (?)", [(word,) for word in words])
        conn.executemany("DELETE FROM words WHERE word = ?", [(word,) for word in words[::3]])
        conn.execute("COMMIT")
        gone, kept = [word.encode() for word in words[::3]], [word.encode() for word in words[1::3]]
        left = [word for word in gone if word in file.read_bytes()]
        assert left, "SQLite leaves nothing any more: remains.py may go"
        assert remain(str(file), left[:1], 4096) and not remain(str(file), [*kept[:1], b"never there"], 4096)
        conn.execute("VACUUM")
        assert not remain(str(file), gone, 4096)
        assert not [word for word in gone if word in file.read_bytes()]
