"""Who was erased does not come back: not by a retry, a replay, a late call or an older backup; only by coming back."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from conftest import READER, Start, footfall, make_site

from collector.event import DAY_MS, Event, Reason, Trust
from collector.ingest.replaying import replay_all
from collector.store import ActivityQuery, Outcome, Quarantined
from collector.store.sqlite.store import SqliteStore

JANE = ("jane-4711", "jane@secret.example", "jane-order-1", "m-jane")  # the device is Bob's too
AT = 10 * DAY_MS


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "here").mkdir()
    return tmp_path / "here" / "footfall.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    with closing(SqliteStore.open(str(path))) as store:
        store.put_site(make_site())
        yield store


def event(id: str, time: int, **fields: Any) -> Event:
    told = {"type": "page", "name": "", "trust": Trust.BROWSER, "visitor": "device", "received": time} | fields
    return Event(site="shop", id=id, time=time, **told)


def refused(raw: str, received: int = AT) -> Quarantined:
    return Quarantined(site="shop", server=False, received=received, reason=Reason.TOO_OLD, detail="", raw=raw.encode())


def history() -> list[Event]:
    """Jane's, with Bob on the same device before and after her."""
    order = {"order_id": "jane-order-1", "total": 5, "email": "jane@secret.example"}
    return [
        event("m-bob-1", 0, type="identify", user="bob"),
        event("m-bob-2", 1_000, type="track", name="Signed Out"),
        event("m-jane-1", DAY_MS, type="identify", user="jane-4711", email="jane@secret.example", trust=Trust.SIGNED),
        event("m-jane-2", DAY_MS + 1_000, type="track", name="Order Completed", properties=json.dumps(order),
              email="jane@secret.example"),
        event("m-jane-3", DAY_MS + 2_000, type="track", name="Signed Out"),
        event("m-bob-3", 2 * DAY_MS, type="identify", user="bob"),
        event("m-jane-4", 3 * DAY_MS, visitor=None, type="track", name="Email Opened", trust=Trust.SERVER,
              user="jane-4711"),
    ]  # fmt: skip


def settle(store: SqliteStore) -> None:
    while store.follow():
        pass


def of_bob(store: SqliteStore) -> list[str]:
    settle(store)
    page = store.activity("bob", ActivityQuery(limit=100))
    assert page is not None
    return [each.id for each in page.events]


def everything(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in path.parent.iterdir())


def erased(store: SqliteStore) -> None:
    store.append(history())
    settle(store)
    store.erase("jane-4711", AT)


def test_a_retry_of_any_call_is_dropped_and_counted(store: SqliteStore, path: Path) -> None:
    erased(store)
    outcomes = store.append(history())
    assert outcomes == [Outcome.DROPPED if "jane" in each.id else Outcome.DUPLICATE for each in history()]
    assert store.beginning("shop", "1970-01-01").left["dropped:erased"] == 4
    assert [mark for mark in JANE if mark.encode() in everything(path)] == []
    assert of_bob(store) == ["m-bob-3", "m-bob-2", "m-bob-1"]


@pytest.mark.parametrize(
    "late",
    [
        event("n1", AT, visitor=None, trust=Trust.SERVER, type="track", name="Email Opened", user="jane-4711"),
        event("n2", AT - 1, visitor=None, type="identify", email="jane@secret.example"),
        event("n3", DAY_MS + 500),
        event("n4", AT, visitor=None, trust=Trust.SERVER, type="alias", user="new", previous="jane-4711"),
        event("n5", 5 * DAY_MS, visitor=None, trust=Trust.SERVER, type="track", name="Order Shipped",
              properties='{"order_id": "jane-order-1"}'),
        refused('{"userId": "jane-4711", "timestamp": "1970-01-02T00:00:00Z"}', AT + DAY_MS),
        refused('{"properties": {"url": "https://x/?mail=Jane%40Secret.example"}}'),
        refused('{"messageId": "m-jane-1", "sentAt": 1}', AT + DAY_MS),
        refused('{"anonymousId": "device", broken', DAY_MS + 500),
    ],
    ids=lambda late: late.id if isinstance(late, Event) else late.raw.decode(),
)  # fmt: skip
def test_what_comes_late_from_the_time_before_is_dropped(store: SqliteStore, late: Event | Quarantined) -> None:
    erased(store)
    assert store.append([late]) == [Outcome.DROPPED]
    assert store.profile("jane-4711") is None and store.quarantined(0, 10) == []


@pytest.mark.parametrize(
    "another",
    [
        event("n1", AT + 1, visitor=None, trust=Trust.SERVER, type="track", name="Email Opened", user="jane-4711"),
        event("n2", AT + 1),
        event("n3", DAY_MS + 500, type="identify", user="bob"),
        event("n4", 2 * DAY_MS + 1),
        refused('{"userId": "bob"}'),
        refused('{"anonymousId": "device"}', AT + 1),
    ],
    ids=lambda late: late.id if isinstance(late, Event) else late.raw.decode(),
)
def test_what_is_somebody_else_s_or_of_the_time_after_is_kept(store: SqliteStore, another: Event | Quarantined) -> None:
    erased(store)
    assert store.append([another]) != [Outcome.DROPPED]


def test_who_comes_back_is_somebody_new(store: SqliteStore) -> None:
    erased(store)
    store.append([event("n1", AT + 1), event("n2", AT + 2, type="identify", user="jane-4711")])
    settle(store)
    page = store.activity("jane-4711", ActivityQuery())
    assert page is not None and [each.id for each in page.events] == ["n2", "n1"]
    assert of_bob(store) == ["m-bob-3", "m-bob-2", "m-bob-1"]


def test_a_replay_of_what_was_in_quarantine_brings_nobody_back(store: SqliteStore) -> None:
    kept = refused('{"type":"identify","userId":"jane-4711","anonymousId":"d2","messageId":"q"}')
    erased(store)
    assert replay_all(store, [kept])[Outcome.DROPPED] == 1
    assert store.profile("jane-4711") is None


def test_an_anonymous_visitor_can_be_erased_and_does_not_come_back(store: SqliteStore, path: Path) -> None:
    store.append([*history(), event("v1", 5, visitor="nobody-known", url="https://x/only-there")])
    settle(store)
    receipt = store.erase("visitor:nobody-known", AT)
    assert (receipt.events, receipt.visitors) == (1, 1)
    assert not any(mark in everything(path) for mark in (b"nobody-known", b"only-there"))
    assert store.append([event("v2", 6, visitor="nobody-known")]) == [Outcome.DROPPED]
    assert of_bob(store) == ["m-bob-3", "m-bob-2", "m-bob-1"]


def test_a_visitor_s_erasure_takes_from_a_customer_what_was_said_there_alone(store: SqliteStore) -> None:
    store.append(
        [
            event("a1", 1, visitor="phone", type="identify", user="bob", properties='{"name":"Bob B","city":"Rome"}'),
            event("a2", 2, visitor="laptop", type="identify", user="bob", properties='{"name":"Bob C"}'),
        ]
    )
    settle(store)
    store.erase("visitor:laptop", AT)
    profile = store.profile("bob")
    assert profile is not None and profile.traits == {"name": "Bob B", "city": "Rome"}


def test_a_restored_backup_holds_nothing_of_who_was_erased_since(store: SqliteStore, path: Path) -> None:
    kept = refused('{"userId": "jane-4711"}')
    store.append([*history(), kept])
    settle(store)
    backup = str(path.parent / "backup")
    assert footfall("backup", backup, db=path).returncode == 0
    store.append([event("m-jane-5", 4 * DAY_MS, visitor="phone-of-jane", user="jane-4711")])
    store.erase("jane-4711", AT)
    before = of_bob(store)
    store.close()

    elsewhere = path.parent.parent / "elsewhere.db"
    asked = footfall("restore", backup, db=elsewhere)
    assert asked.returncode == 2 and "--tombstones" in asked.stderr and not elsewhere.exists()
    tombstones = f"{path}-tombstones"
    for db, *flags in ((path, "--force"), (elsewhere, "--tombstones", tombstones)):
        done = footfall("restore", backup, "--json", *flags, db=db)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["erased_again"] == 4
        for file in (db, Path(f"{db}-tombstones")):
            assert [mark for mark in JANE if mark.encode() in file.read_bytes()] == []
        with closing(SqliteStore.open(str(db))) as restored:
            assert of_bob(restored) == before
            assert restored.profile("jane-4711") is None and restored.quarantined(0, 9) == []
            assert set(restored.append(history())) == {Outcome.DROPPED, Outcome.DUPLICATE}


def test_tombstones_of_another_database_are_refused(store: SqliteStore, path: Path, tmp_path: Path) -> None:
    erased(store)
    other = tmp_path / "other.db"
    SqliteStore.open(str(other)).close()
    assert footfall("backup", str(tmp_path / "b"), db=other).returncode == 0
    done = footfall("restore", str(tmp_path / "b"), "--tombstones", f"{path}-tombstones", db=tmp_path / "new.db")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1) and "another database" in done.stderr


def test_an_erasure_that_fails_leaves_no_tombstone(store: SqliteStore, path: Path) -> None:
    erased(store)
    file = Path(f"{path}-tombstones")
    before = file.read_bytes()
    assert file.stat().st_mode & 0o777 == 0o600
    store._conn.execute("CREATE TRIGGER never BEFORE INSERT ON erasures BEGIN SELECT RAISE(ABORT, 'never'); END")
    with pytest.raises(Exception, match="never"):
        store.erase("bob", AT)
    assert file.read_bytes() == before and of_bob(store)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files for others")
def test_what_root_erases_of_another_s_database_is_theirs_to_go_on_with(store: SqliteStore, path: Path) -> None:
    os.chown(path, 1_234, 1_234)
    erased(store)
    file = Path(f"{path}-tombstones")
    assert (file.stat().st_uid, file.stat().st_gid) == (1_234, 1_234)
    os.chown(file, 0, 0)  # as an earlier Footfall left it
    assert footfall("forget", "bob", "--yes", db=path).returncode == 0
    assert (file.stat().st_uid, file.stat().st_gid) == (1_234, 1_234)


def test_five_are_still_many_when_the_sixth_of_a_shared_device_is_erased(store: SqliteStore) -> None:
    told = []
    for n, user in enumerate("ABCDEF"):
        start = n * DAY_MS
        told += [
            event(f"{user}1", start, visitor="tablet"),
            event(f"{user}2", start + 1_000, visitor="tablet", type="identify", user=user),
            event(f"{user}3", start + DAY_MS // 2, visitor="tablet"),
        ]
    store.append(told)
    settle(store)

    def whose() -> dict[str, str | None]:
        page = store.activity("visitor:tablet", ActivityQuery(limit=100))
        assert page is not None
        return {each.id: each.customer for each in page.events}

    before = whose()
    assert before["A3"] is None and before["B2"] == "B"
    store.erase("F", AT)
    after = {id: customer for id, customer in before.items() if customer != "F"}
    assert whose() == after
    store.rebuild()
    assert whose() == after


def test_while_a_collector_runs_who_is_erased_is_in_no_file_and_does_not_come_back(start: Start) -> None:
    collector = start(make_site())
    uuid = "3f1e9d52-8c1b-4f57-9a55-5d1f0e2b7a11"
    who = {"userId": "jane-4711", "anonymousId": uuid}
    told = [
        {"type": "page", "messageId": "m-jane-1", "anonymousId": uuid, "context": {"page": {"url": "https://x/janes"}}},
        {"type": "identify", "messageId": "m-jane-2", **who,
         "traits": {"email": "jane@secret.example", "name": "Jane D"}},
        {"type": "track", "messageId": "m-jane-3", **who, "event": "Order Completed",
         "properties": {"order_id": "jane-order-1", "total": 1, "products": [{"product_id": "only-janes-product"}]}},
        {"type": "track", "messageId": "m-jane-4", **who, "event": "Tried", "timestamp": "1999-01-01T00:00:00Z"},
    ]  # fmt: skip
    batch = {"writeKey": "wk_shop", "batch": told}
    assert collector.post("/v1/batch", batch).status_code == 200
    marks = ["jane-4711", "jane@secret", "Jane D", "janes", "jane-order-1", "only-janes-product", "m-jane", uuid]

    def found() -> list[str]:
        files = b"".join(file.read_bytes() for file in collector.db.parent.glob(f"{collector.db.name}*"))
        return [mark for mark in marks if mark.encode() in files or (mark == uuid and UUID(uuid).bytes in files)]

    assert collector.ask("/api/customers/jane-4711")["events"] == 3
    assert found() == marks, "the search itself must be able to find them"
    bearer = {"authorization": f"Bearer {READER}"}
    receipt = collector.client.delete("/api/customers/jane-4711", headers=bearer)
    assert receipt.status_code == 200 and (receipt.json()["events"], receipt.json()["quarantined"]) == (3, 1)
    assert found() == []
    assert collector.post("/v1/batch", batch).status_code == 200
    assert found() == [] and collector.stored() == []
    assert collector.client.get("/api/customers/jane-4711", headers=bearer).status_code == 404
    dropped = [line for line in collector.client.get("/metrics").text.splitlines() if 'why="erased"' in line]
    assert [line.split()[-1] for line in dropped] == ["4.0"]
