"""Erasure as a person would check it: the file's bytes are searched, and the others on the device are asked."""

from __future__ import annotations

import random
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec import structs

from collector.errors import NotFound
from collector.event import Event, Reason, Site, Trust
from collector.store import ActivityQuery, ExportQuery, Quarantined
from collector.store.scrubbing import scrub
from collector.store.sqlite.remains import blank, soiled
from collector.store.sqlite.store import SqliteStore

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


def bytes_of(path: Path) -> bytes:
    """As another process reads them: one that closes the file loses its connections' locks."""
    return subprocess.run(["cat", path], capture_output=True, check=True).stdout


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


def test_what_sqlite_leaves_between_rows_is_found_and_written_over_while_others_read_and_write(
    store: SqliteStore, path: Path
) -> None:
    """Rows that come in any order divide pages, and a divided page may keep a copy of what moved."""
    shuffled = random.Random(1)
    words = [f"{shuffled.getrandbits(64):016x}" for _ in range(3_000)]
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        store.follow()
        other.execute("PRAGMA secure_delete = ON")
        other.execute("CREATE TABLE words (word TEXT PRIMARY KEY) WITHOUT ROWID")
        other.execute("BEGIN")
        other.executemany("INSERT INTO words VALUES (?)", [(word,) for word in words])
        other.executemany("DELETE FROM words WHERE word = ?", [(word,) for word in words[::3]])
        other.execute("COMMIT")
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        gone, kept = [word.encode() for word in words[::3]], sorted({*words} - {*words[::3]})
        left = [word for word in gone if word in bytes_of(path)]
        assert left, "SQLite leaves nothing any more: remains.py may go"
        pages = soiled(str(path))
        assert pages and len(pages) < path.stat().st_size // 4096
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM words").fetchone()
            other.execute("INSERT INTO words VALUES ('late')")
            assert not blank(str(path), pages), "somebody reads what was before"
            reader.execute("ROLLBACK")
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        other.execute("SELECT group_concat(word) FROM words").fetchone()
        assert blank(str(path), pages)
        # It remembers pages as they were, and must write back none of it.
        other.executemany("UPDATE words SET word = word || 'x' WHERE word = ?", [(word,) for word in kept[::9]])
        store.append([event("m1", 0)])
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert [word for word in gone if word in bytes_of(path)] == []
        told = {word for (word,) in other.execute("SELECT word FROM words")}
        assert told == {"late", *kept} - {*kept[::9]} | {f"{word}x" for word in kept[::9]}
        assert other.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_of_the_many_who_were_erased_nothing_is_left_between_rows_and_a_look_is_taken_once(
    store: SqliteStore, path: Path
) -> None:
    shuffled = random.Random(2)
    people = [f"{shuffled.getrandbits(64):016x}@x.example" for _ in range(400)]
    store.append([event(f"m{n}", n, visitor=f"v{n}", type="identify", email=who) for n, who in enumerate(people)])
    for who in people[:5]:
        store.erase(f"email:{who}", at=DAY)
    scrub(store)
    assert store.soiled() is None
    # A copy that was left by chance would be of any of them.
    store._conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert len(soiled(str(path)) or ()) <= 1, "the note that it is done"
    assert [who for who in people[:5] if who.encode() in everything(path)] == []
    assert all(shown(store, f"email:{who}") for who in people[5:8])
    store.rebuild()
    assert [who for who in people[:5] if who.encode() in everything(path)] == []
