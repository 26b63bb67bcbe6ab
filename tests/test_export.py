"""Exports: cursors miss nothing and repeat nothing; ranges, sites and refusals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from analyst import Analyst, rows_of
from conftest import make_site
from shop import MORNING, a_busy_day, call, order

from collector.errors import Misuse, NotFound
from collector.event import MINUTE_MS, Trust
from collector.store import ExportQuery
from collector.store.datasets import DATASETS
from collector.store.sqlite import exporting
from collector.store.sqlite.store import SqliteStore

FEEDS = ("visits", "customers", "orders", "order_lines", "identities")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    made = a_busy_day(tmp_path / "footfall.db")
    yield made
    made.close()


def settle(store: SqliteStore, *events: Any) -> None:
    store.append(events)
    while store.follow():
        pass


def ids(store: SqliteStore, name: str = "events", **query: Any) -> list[str]:
    return [row["id"] for row in rows_of(store, name, **query)[0]]


def test_events_come_in_commit_order_whatever_their_time(store: SqliteStore) -> None:
    rows, cursor = rows_of(store, "events")
    assert [row["seq"] for row in rows] == [*range(1, 20)]
    assert [rows[16]["id"], rows[16]["time"]] == ["m16", MORNING - 20 * MINUTE_MS]
    assert cursor == "20"


def test_going_on_from_a_cursor_misses_nothing_and_repeats_nothing(store: SqliteStore) -> None:
    first, cursor = rows_of(store, "events")
    settle(store, call("late", "page", -90, visitor="phone"), call("m1", "page", visitor="phone"))
    rest, _ = rows_of(store, "events", since=cursor)
    assert [row["id"] for row in rest] == ["late"], "a late event is new; a message sent twice is not"
    assert ids(store) == [row["id"] for row in first] + ["late"]


def test_any_row_that_was_read_is_a_place_to_go_on_from(store: SqliteStore) -> None:
    rows, _ = rows_of(store, "events")
    for read in range(len(rows)):
        assert [row["seq"] for row in rows_of(store, "events", since=str(rows[read]["seq"]))[0]] == [
            row["seq"] for row in rows[read + 1 :]
        ]


def test_the_end_is_fixed_at_the_start(store: SqliteStore) -> None:
    export = store.export("events", ExportQuery())
    settle(store, call("later", "page", 1, visitor="phone"))
    assert [row[1] for batch in export.batches for row in batch][-1] == "m18"
    assert ids(store, since=export.next) == ["later"]


@pytest.mark.parametrize("name", DATASETS)
def test_pages_of_any_size_make_the_same_whole(store: SqliteStore, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = rows_of(store, name, since="0")
    for size in (1, 2, 3, 7):
        monkeypatch.setattr(exporting, "PAGE_ROWS", size)
        assert rows_of(store, name, since="0") == whole


@pytest.mark.parametrize("name", FEEDS)
def test_a_feed_from_nothing_leaves_out_what_is_gone_and_with_a_cursor_tells_of_it(
    store: SqliteStore, name: str
) -> None:
    fresh, cursor = rows_of(store, name)
    told, same = rows_of(store, name, since="0")
    assert cursor == same
    assert [row for row in told if not row["deleted"]] == fresh
    assert [row["rev"] for row in told] == sorted(row["rev"] for row in told)
    assert rows_of(store, name, since=cursor)[0] == []


@pytest.mark.parametrize("name", FEEDS)
def test_any_rev_that_was_read_whole_is_a_place_to_go_on_from(store: SqliteStore, name: str) -> None:
    told, _ = rows_of(store, name, since="0")
    for rev in {row["rev"] for row in told}:
        assert rows_of(store, name, since=str(rev))[0] == [row for row in told if row["rev"] > rev]


def test_a_change_comes_again_with_a_greater_rev(store: SqliteStore) -> None:
    before, cursor = rows_of(store, "orders")
    settle(store, call("m20", "Order Refunded", 61, visitor="=guest", properties={"order_id": "G-1", "amount": 7.5}))
    changed, _ = rows_of(store, "orders", since=cursor)
    assert [(row["order_id"], row["status"], row["net"]) for row in changed] == [("G-1", "refunded", "0.0")]
    assert changed[0]["rev"] > max(row["rev"] for row in before)


def test_an_unlink_restates_the_visitors_whole_set(store: SqliteStore) -> None:
    _, cursor = rows_of(store, "identities")
    settle(store, call("m21", "Signed In", 70, visitor="=guest", user="42"))
    joined, cursor = rows_of(store, "identities", since=cursor)
    assert {(row["visitor"], row["customer"], row["deleted"]) for row in joined} == {("=guest", "42", 0)}
    store.unlink("42", "=guest", MORNING + 80 * MINUTE_MS)
    left, _ = rows_of(store, "identities", since=cursor)
    assert {(row["visitor"], row["customer"], row["deleted"]) for row in left} == {("=guest", None, 1)}
    assert len({row["rev"] for row in left}) == 1


def test_a_rebuild_of_the_same_log_changes_only_revs(store: SqliteStore) -> None:
    before = {name: without_rev(rows_of(store, name)[0]) for name in FEEDS}
    cursors = {name: rows_of(store, name)[1] for name in FEEDS}
    store.rebuild()
    assert {name: without_rev(rows_of(store, name)[0]) for name in FEEDS} == before
    for name in FEEDS:
        assert not [row for row in rows_of(store, name, since=cursors[name])[0] if row["deleted"]]


def test_two_visits_that_begin_with_one_message_id_are_two_rows(store: SqliteStore) -> None:
    settle(
        store,
        call("m20", "page", 90, visitor="both"),
        call("m20", "Order Shipped", 190, visitor="both", trust=Trust.SERVER),
    )
    analyst = Analyst()
    analyst.take(store)
    begun = [row["from_time"] for row in analyst.copies["visits"].values() if row["visitor"] == "both"]
    assert sorted(begun) == [at(90), at(190)]


def without_rev(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(str({name: value for name, value in row.items() if name != "rev"}) for row in rows)


def at(minute: float) -> int:
    return MORNING + int(minute * MINUTE_MS)


RANGES: list[tuple[str, int | None, int | None, Callable[[dict[str, Any]], Any], list[Any]]] = [
    ("events", at(3), at(5), lambda row: row["id"], ["m3", "m4", "m8"]),
    ("events", at(55), None, lambda row: row["id"], ["m7", "m17", "m18"]),
    ("events", None, at(0), lambda row: row["id"], ["m16"]),
    ("consents", at(0), at(2), lambda row: row["id"], ["m2"]),
    ("consents", at(2), None, lambda row: row["id"], []),
    ("visits", at(50), at(50.5), lambda row: row["visit"], ["m6"]),
    ("orders", at(5), None, lambda row: row["order_id"], ["G-1"]),
    ("order_lines", None, at(5), lambda row: (row["order_id"], row["n"]), [("1001", 0), ("1001", 1)]),
]


@pytest.mark.parametrize(("name", "start", "end", "shown", "wanted"), RANGES)
def test_a_range_is_half_open(
    store: SqliteStore, name: str, start: int | None, end: int | None, shown: Any, wanted: list[Any]
) -> None:
    assert [shown(row) for row in rows_of(store, name, start=start, end=end)[0]] == wanted


def test_a_range_of_identities_holds_the_spans_that_touch_it(store: SqliteStore) -> None:
    spans, _ = rows_of(store, "identities")
    jane = next(row for row in spans if row["customer"] == "42")
    assert (jane["from_id"], jane["to_id"]) == ("m16", "m6")
    assert jane in rows_of(store, "identities", start=at(10), end=at(11))[0]
    assert jane not in rows_of(store, "identities", start=at(50))[0]
    assert jane not in rows_of(store, "identities", end=at(-20))[0]


def test_a_site_narrows_what_has_a_site(store: SqliteStore) -> None:
    assert ids(store, site="outlet") == ["m11", "m12"]
    assert {row["site"] for row in rows_of(store, "orders", site="shop")[0]} == {"shop"}
    assert rows_of(store, "orders", site="outlet")[0] == []
    assert rows_of(store, "customers", site="outlet")[0] == rows_of(store, "customers")[0]


def test_events_say_whose_they_are_only_when_asked(store: SqliteStore) -> None:
    assert not {"customer", "visit", "why"} & set(rows_of(store, "events")[0][0])
    resolved = {
        row["id"]: (row["customer"], row["visit"], row["why"]) for row in rows_of(store, "events", resolve=True)[0]
    }
    assert resolved["m1"] == ("42", "m1", "identify")
    assert resolved["m6"] == (None, "m6", None)
    assert resolved["m7"] == ("42", None, "order")
    assert resolved["m9"] == (None, "m9", None), "unlinked"
    assert resolved["m10"] == ("email:joe@x", None, "named")
    assert resolved["m12"] == ("user@outlet:7", "m11", "signed_in")
    assert resolved["m13"] == ("user:user@home", "m11", "signed_in")
    assert resolved["m14"][1] is None, "staff form no visit"


def test_an_unsigned_claim_joins_nothing_also_without_a_visitor(store: SqliteStore) -> None:
    claimed = {"trust": Trust.CLAIMED, "user": "42"}
    settle(store, call("m20", "Product Viewed", 90, **claimed), call("m21", "page", 91, visitor="new", **claimed))
    resolved = {row["id"]: (row["customer"], row["why"]) for row in rows_of(store, "events", resolve=True)[0]}
    assert resolved["m20"] == (None, "claimed")
    assert resolved["m21"] == (None, "claimed")


def test_an_order_is_exact_money_with_everything_that_was_said(store: SqliteStore) -> None:
    order = next(row for row in rows_of(store, "orders")[0] if row["order_id"] == "1001")
    assert {name: order[name] for name in ("total", "refunded", "net", "tax", "shipping", "coupons", "confirmed")} == {
        "total": "25.0",
        "refunded": "5.5",
        "net": "19.5",
        "tax": "4",
        "shipping": None,
        "coupons": '["MAY"]',
        "confirmed": 1,
    }


REFUSED: list[tuple[str, dict[str, Any], type[Exception], str]] = [
    ("nothing", {}, NotFound, "there is no dataset 'nothing'; there are events, consents"),
    ("v_events; DROP TABLE events", {}, NotFound, "there is no dataset"),
    ("events", {"since": "abc"}, Misuse, "since is no cursor that an export gave"),
    ("events", {"since": "-1"}, Misuse, "since is no cursor"),
    ("events", {"since": "1" * 30}, Misuse, "since is no cursor"),
    ("events", {"since": "21"}, Misuse, "since is ahead of this database, which is at 20: export anew without it"),
    ("visits", {"since": "9999"}, Misuse, "since is ahead of this database"),
    ("events", {"site": "nowhere"}, Misuse, "there is no site 'nowhere'"),
    ("visits", {"resolve": True}, Misuse, "resolve=1 adds customer and visit to events only"),
]


@pytest.mark.parametrize(("name", "query", "error", "message"), REFUSED)
def test_a_question_without_sense_is_refused_before_the_first_row(
    store: SqliteStore, name: str, query: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        store.export(name, ExportQuery(**query))


def test_an_export_that_is_left_half_way_holds_nothing_open(store: SqliteStore) -> None:
    batches = store.export("events", ExportQuery()).batches
    next(batches)
    batches.close()  # type: ignore[attr-defined]
    store.append([call("m30", "page", visitor="phone")])
    with exporting.connect(store.path, create=False) as conn:
        busy, _, _ = conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    conn.close()
    assert busy == 0


def test_a_page_that_was_read_does_not_hold_the_log_back(store: SqliteStore) -> None:
    batches = store.export("events", ExportQuery()).batches
    next(batches)
    store.append([call("m30", "page", visitor="phone")])
    conn = exporting.connect(store.path, create=False)
    busy, _, _ = conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    conn.close()
    assert busy == 0, "between pages no snapshot is held"
    assert sum(len(batch) for batch in batches) == 0


@pytest.mark.parametrize("name", FEEDS)
def test_a_page_of_a_feed_is_read_along_its_index_without_sorting(store: SqliteStore, name: str) -> None:
    select = exporting.SELECTS[name]
    statement = exporting._page(DATASETS[name], select, DATASETS[name].columns, [])
    conn = exporting.connect(store.path, create=False, read_only=True)
    named = {"until": 9, **{f"key{n}": 0 for n in range(len(select.keys))}}
    plan = [row[3] for row in conn.execute(f"EXPLAIN QUERY PLAN {statement}", named)]
    conn.close()
    assert "_rev" in plan[0] and not any("TEMP B-TREE" in step for step in plan), plan


def test_a_store_without_events_exports_empty_sets(tmp_path: Path) -> None:
    empty = SqliteStore.open(str(tmp_path / "empty.db"))
    empty.put_site(make_site())
    for name in DATASETS:
        assert rows_of(empty, name) == ([], "0")
        assert rows_of(empty, name, since="0") == ([], "0")
    settle(empty, order("m1", "1", 0, visitor="phone"))
    assert len(rows_of(empty, "orders", since="0")[0]) == 1
    empty.close()
