"""Identity is a pure function of the log: checked against a reader of the contract, and against itself in other orders.

`FOOTFALL_SOAK=1` runs many more examples.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from conftest import make_site
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracle import answer
from oracle_words import Answer, Fence, Person, Undo, Unlink, key_of
from random_logs import SITES, VISITORS, StaffAct, logs, moments, staff_acts
from storyteller import Shop

from collector.event import Event
from collector.store import Activity, ActivityQuery
from collector.store.keys import Kind, customer_key, read_key
from collector.store.sqlite.ids import ids_in_sql
from collector.store.sqlite.store import SqliteStore

SOAK = bool(os.environ.get("FOOTFALL_SOAK"))
thorough = settings(
    max_examples=5_000 if SOAK else 75,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
pytestmark = [pytest.mark.timeout(7_200 if SOAK else 600), pytest.mark.usefixtures("short_memory")]

Open = Callable[[], SqliteStore]
# Memory where there is some that looks like a disk: each example is a file of its own.
ROOM = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


@pytest.fixture(scope="module")
def room() -> Iterator[Path]:
    """A directory with an empty database, to be copied."""
    with TemporaryDirectory(dir=ROOM) as folder:
        with closing(SqliteStore.open(f"{folder}/empty.db")) as store:
            for name, ids in SITES.items():
                store.put_site(make_site(name, ids=ids))
        yield Path(folder)


class Book:
    """A database of its own for one example; may be closed and opened again as another process would."""

    def __init__(self, room: Path, name: str) -> None:
        self.path = str(room / name)
        for leftover in ("", "-wal", "-shm"):
            Path(self.path + leftover).unlink(missing_ok=True)
        shutil.copy(room / "empty.db", self.path)
        self.store = SqliteStore.open(self.path)

    def close(self) -> None:
        self.store.close()

    def settle(self) -> None:
        while self.store.follow(7):
            pass

    def rows(self, question: str, *bound: Any) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.path)) as conn:
            return conn.execute(question, bound).fetchall()

    def fence(self, visitor: str, time: int) -> None:
        """What an erasure leaves behind."""
        with closing(sqlite3.connect(self.path)) as conn, conn:
            conn.execute("INSERT OR IGNORE INTO fences SELECT id, ? FROM visitors WHERE visitor = ?", (time, visitor))


def key_text(person: Person | None) -> str | None:
    return None if person is None else customer_key(Kind[person[0].upper()], person[1], person[2])


def person_of_key(key: str) -> Person:
    read = read_key(key)
    return read.kind.word, read.space, read.value


def all_activity(store: SqliteStore, key: str) -> list[Activity]:
    """Every page of a timeline, by small pages, so that cursors are tried too."""
    events: list[Activity] = []
    query = ActivityQuery(limit=5)
    while page := store.activity(key, query):
        events += page.events
        if page.next is None:
            break
        query = ActivityQuery(limit=5, cursor=page.next)
    return events


def all_keys(store: SqliteStore) -> set[str]:
    return {row.key for row in store.customers("", "last_seen", None, 500).customers}


# (a) The store says what the contract says -------------------------------------------------------------------------


@thorough
@given(
    log=logs(),
    acts=st.lists(st.tuples(st.integers(0, 16), st.booleans(), staff_acts()), max_size=2),
    fences=st.lists(st.tuples(st.sampled_from(VISITORS[:2]), moments()), max_size=1),
    steps=st.lists(st.integers(1, 6), min_size=1, max_size=6),
)
def test_the_store_says_of_every_event_what_the_contract_says(
    room: Path,
    log: list[Event],
    acts: list[tuple[int, bool, StaffAct]],
    fences: list[tuple[str, int]],
    steps: list[int],
) -> None:
    book = Book(room, "oracle.db")
    try:
        unlinks: list[Unlink] = []
        undos: list[Undo] = []
        for n, event in enumerate(log):
            for _, unlinking, act in [act for act in acts if act[0] == n]:
                if unlinking:
                    unlinks += take_a_visitor_from_somebody(book, act)
                else:
                    undos += take_an_id_from_somebody(book, act)
            book.store.append([event])
            if n % steps[n % len(steps)] == 0:
                book.store.follow(steps[n % len(steps)])
        book.settle()
        if fences:
            for fence in fences:
                book.fence(*fence)
            book.store.rebuild()
        wanted = answer(log, unlinks, undos, [Fence(*fence) for fence in fences])
        assert_same_events(book, log, wanted)
        assert_same_customers(book, wanted)
        assert_same_orders(book, wanted)
    finally:
        book.close()


def take_a_visitor_from_somebody(book: Book, act: StaffAct) -> list[Unlink]:
    book.settle()
    choices = sorted(
        (key, joined.visitor)
        for key in all_keys(book.store)
        if (profile := book.store.profile(key))
        for joined in profile.visitors
    )
    if not choices:
        return []
    key, visitor = choices[act.what % len(choices)]
    ids = ids_of(book, key)
    book.store.unlink(key, visitor, act.time)
    return [Unlink(visitor, act.time, ids)]


def take_an_id_from_somebody(book: Book, act: StaffAct) -> list[Undo]:
    book.settle()
    customers = {key: ids_of(book, key) for key in all_keys(book.store)}
    choices = sorted((key, person) for key, ids in customers.items() if len(ids) > 1 for person in ids)
    if not choices:
        return []
    key, person = choices[act.what % len(choices)]
    book.store.undo_link(
        key, f"user:{person[2]}" if person[0] == "user" and not person[1] else key_text(person) or "", act.time
    )
    others = customers[key] - {person}
    if person[0] == "user":
        # A user id keeps its own addresses; what is undone is that it is another user id.
        others = frozenset(other for other in others if other[0] == "user") or others
    return [Undo(person, act.time, others)]


def ids_of(book: Book, key: str) -> frozenset[Person]:
    bearer = person_of_key(key)
    rows = book.rows(
        "SELECT kind, space, value FROM persons WHERE customer ="
        " (SELECT customer FROM persons WHERE kind = ? AND space = ? AND value = ?)",
        ("user", "email").index(bearer[0]), *bearer[1:],
    )  # fmt: skip
    return frozenset((("user", "email")[kind], space, value) for kind, space, value in rows)


def assert_same_events(book: Book, log: Sequence[Event], wanted: Answer) -> None:
    by_received = {event.received: event for event in log}
    found: dict[int, tuple[str | None, str | None]] = {}
    for visitor in {event.visitor for event in log if event.visitor}:
        for shown in all_activity(book.store, f"visitor:{visitor}"):
            assert shown.received not in found
            found[shown.received] = (shown.customer, shown.visit)
    theirs: dict[int, str] = {}
    for key in all_keys(book.store):
        shown_here = all_activity(book.store, key)
        profile = book.store.profile(key)
        assert profile is not None
        assert profile.events == len(shown_here)
        for shown in shown_here:
            assert shown.customer == key
            assert theirs.setdefault(shown.received, key) == key
    for event in log:
        owner, visit = wanted.owner[key_of(event)], wanted.visit[key_of(event)]
        said = (key_text(owner), visit and visit[2])
        assert theirs.get(event.received) == said[0], (event, "in the timelines of customers")
        if event.visitor:
            assert found[event.received] == said, (event, "in its visitor's timeline")
    assert set(theirs) <= set(by_received)


def assert_same_customers(book: Book, wanted: Answer) -> None:
    known = {key_text(key): ids for key, ids in wanted.customers.items()}
    listed = all_keys(book.store)
    assert set(known) <= listed <= set(known) | {key_text(key) for key in wanted.mentioned}
    for key, ids in known.items():
        profile = book.store.profile(key or "")
        assert profile is not None
        assert profile.key == key
        assert ids_of(book, key or "") == ids
        assert {(each.kind, each.value) for each in profile.ids} == {(kind, value) for kind, _, value in ids}


def assert_same_orders(book: Book, wanted: Answer) -> None:
    rows = book.rows(
        "SELECT sites.name, order_id, kind, space, value, status, total, refunded, confirmed FROM orders"
        " JOIN sites ON sites.id = orders.site LEFT JOIN persons ON persons.id = orders.customer"
        " WHERE orders.deleted = 0"
    )
    found = {
        (site_name, order_id): (
            None if kind is None else (("user", "email")[kind], space, value),
            status,
            None if total is None else Decimal(total),
            Decimal(refunded),
            bool(confirmed),
        )
        for site_name, order_id, kind, space, value, status, total, refunded, confirmed in rows
    }
    assert found == {
        order: (said.customer, said.status, said.total, said.refunded, said.confirmed)
        for order, said in wanted.orders.items()
    }


# (b) In any order, in any portions, again and anew -----------------------------------------------------------------


@thorough
@given(log=logs(), data=st.data())
def test_any_order_any_batches_a_restart_and_a_rebuild_give_the_same(
    room: Path, log: list[Event], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(log))
    portions = data.draw(st.lists(st.integers(1, 6), min_size=1, max_size=5))
    follows = data.draw(st.lists(st.sampled_from([0, 1, 3, 100]), min_size=1, max_size=5))
    reopens = data.draw(st.lists(st.booleans(), min_size=1, max_size=5))
    acts = data.draw(st.lists(st.tuples(st.booleans(), staff_acts()), max_size=2))
    plain, other = Book(room, "plain.db"), Book(room, "other.db")
    reader = FeedReader(other)
    try:
        plain.store.append(log)
        plain.settle()
        n, at = 0, 0
        while at < len(shuffled):
            portion = portions[n % len(portions)]
            other.store.append(shuffled[at : at + portion])
            # Sent again, as a client does that heard no answer.
            other.store.append(shuffled[max(0, at - 2) : at + 1])
            if follows[n % len(follows)]:
                other.store.follow(follows[n % len(follows)])
                reader.read()
            if reopens[n % len(reopens)]:
                other.store.close()
                other.store = SqliteStore.open(other.path)
            at, n = at + portion, n + 1
        other.settle()
        for unlinking, act in acts:
            for book in (plain, other):
                if unlinking:
                    take_a_visitor_from_somebody(book, act)
                else:
                    take_an_id_from_somebody(book, act)
        reader.read()
        wanted = derived(plain)
        assert derived(other) == wanted
        assert timelines(other, log) == timelines(plain, log)
        # (c) The rows of the feeds are those of a derivation from scratch, for who follows them as for who reads them.
        assert reader.live() == {table: other.rows(live) for table, live in LIVE.items()}
        other.store.rebuild()
        assert derived(other) == wanted
        reader.read()
        assert reader.live() == {table: other.rows(live) for table, live in LIVE.items()}
    finally:
        plain.close()
        other.close()


@settings(thorough, max_examples=thorough.max_examples // 3)
@given(log=logs(), portions=st.lists(st.integers(1, 5), min_size=1, max_size=5))
def test_two_processes_that_take_turns_give_what_one_gives(room: Path, log: list[Event], portions: list[int]) -> None:
    plain, other = Book(room, "plain.db"), Book(room, "other.db")
    second = SqliteStore.open(other.path)
    try:
        plain.store.append(log)
        plain.settle()
        n, at = 0, 0
        while at < len(log):
            portion = portions[n % len(portions)]
            writer, follower = (other.store, second) if n % 2 else (second, other.store)
            writer.append(log[at : at + portion])
            (follower if n % 3 else writer).follow(portion)
            at, n = at + portion, n + 1
        other.settle()
        assert derived(other) == derived(plain)
    finally:
        plain.close()
        other.close()
        second.close()


def test_a_rebuild_heals_what_was_derived_wrongly(room: Path) -> None:
    book = Book(room, "healed.db")
    try:
        shop = Shop(book.store)
        shop.visitor("v").identify("A")
        shop.next_visit()
        shop.visitor("w").page()
        book.settle()
        wanted = derived(book)
        with closing(sqlite3.connect(book.path)) as conn, conn:
            conn.execute(
                "INSERT INTO tenancies SELECT w.visitor, 0, first_time, first_seq, NULL, NULL, v.customer, 1, 1,"
                " first_seq, 1000, 0 FROM visits AS w, tenancies AS v WHERE w.visitor <> v.visitor"
            )
        assert derived(book) != wanted
        book.store.rebuild()
        assert derived(book) == wanted
    finally:
        book.close()


def timelines(book: Book, log: Sequence[Event]) -> dict[str, list[Activity]]:
    """All that can be looked up, without the order of commits."""
    keys = all_keys(book.store) | {f"visitor:{event.visitor}" for event in log if event.visitor}
    return {key: [unordered(event) for event in all_activity(book.store, key)] for key in keys}


def unordered(event: Activity) -> Any:
    return tuple(getattr(event, field) for field in event.__struct_fields__ if field != "seq")


_RECEIVED = "(SELECT time + lag FROM events WHERE seq = {0})"
_KEY = "(SELECT kind || ':' || space || ':' || value FROM persons AS bearer WHERE bearer.id = {0}.customer)"
_VISITOR = "(SELECT each.visitor FROM visitors AS each WHERE each.id = {0}.visitor)"
DERIVED = {
    "visits": f"""SELECT {_VISITOR.format("visits")}, {_RECEIVED.format("first_seq")}, first_time, last_time,
        {_RECEIVED.format("last_seq")}, events, source, medium, campaigns.name, term, content, click_id
        FROM visits LEFT JOIN campaigns ON campaigns.id = visits.campaign WHERE deleted = 0""",
    "tenancies": f"""SELECT {_VISITOR.format("tenancies")}, n, from_time, {_RECEIVED.format("from_seq")}, to_time,
        {_RECEIVED.format("to_seq")}, {_KEY.format("tenancies")}, why, strength, {_RECEIVED.format("evidence")}
        FROM tenancies WHERE deleted = 0""",
    "orders": f"""SELECT site, order_id, {_KEY.format("orders")}, {_VISITOR.format("orders")}, confirmed, status, time,
        currency, total, refunded, fold FROM orders WHERE deleted = 0""",
    "order_lines": """SELECT site, order_id, n, product_id, variant_id, sku, name, quantity, price, discount
        FROM order_lines WHERE deleted = 0""",
    "persons": f"""SELECT kind, space, value, {_KEY.format("persons")} FROM persons WHERE customer IS NOT NULL""",
    "customers": f"""SELECT {_KEY.format("customers")}, kind, {ids_in_sql("customers")}, traits, money, name, email,
        phone, first_seen, last_seen, orders, unconfirmed, first_order, last_order FROM customers WHERE deleted = 0""",
}


def derived(book: Book) -> dict[str, list[tuple[Any, ...]]]:
    """Every derived row, in words that do not depend on the order of arrival."""
    return {table: sorted(book.rows(question), key=repr) for table, question in DERIVED.items()}


# (c) Change feeds --------------------------------------------------------------------------------------------------

_COLUMNS = {
    "visits": "visitor, first_seq, first_time, last_time, last_seq, events, campaign",
    "tenancies": "visitor, n, from_time, from_seq, to_time, to_seq, customer, why, strength, evidence",
    "orders": "site, order_id, customer, visitor, confirmed, status, time, currency, total, refunded, fold",
    "order_lines": "site, order_id, n, product_id, variant_id, sku, name, quantity, price, discount",
    "customers": "customer, kind, ids, traits, money, name, email, phone, first_seen, last_seen, orders, unconfirmed",
}
_KEY_LENGTH = {"visits": 2, "tenancies": 2, "orders": 2, "order_lines": 3, "customers": 1}
LIVE = {
    table: f"SELECT {columns} FROM {table} WHERE deleted = 0 ORDER BY 1, 2, 3" for table, columns in _COLUMNS.items()
}


class FeedReader:
    """An analyst who applies every increment: rows beyond the last revision, by primary key."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.rev = dict.fromkeys(_COLUMNS, 0)
        self.rows: dict[str, dict[Any, tuple[Any, ...] | None]] = {table: {} for table in _COLUMNS}

    def read(self) -> None:
        for table, columns in _COLUMNS.items():
            changed = self.book.rows(
                f"SELECT rev, deleted, {columns} FROM {table} WHERE rev > ? ORDER BY rev", self.rev[table]
            )
            for rev, deleted, *row in changed:
                self.rows[table][tuple(row[: _KEY_LENGTH[table]])] = None if deleted else tuple(row)
                self.rev[table] = rev

    def live(self) -> dict[str, list[tuple[Any, ...]]]:
        return {
            table: sorted((row for row in rows.values() if row is not None), key=lambda row: row[: _KEY_LENGTH[table]])
            for table, rows in self.rows.items()
        }
