"""One data dictionary: what the docs say, what the views show and what exports give are the same columns."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import dictionary_text
import pytest
from analyst import rows_of
from shop import a_busy_day

from collector.store.datasets import DATASETS, RESOLVED, Column, Type
from collector.store.sqlite.columns import views
from collector.store.sqlite.store import SqliteStore
from collector.web.times import iso

VIEWED = [(name, DATASETS[name].columns) for name in DATASETS]
VIEWED.append(("events_resolved", DATASETS["events"].columns + RESOLVED))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteStore]:
    made = a_busy_day(tmp_path_factory.mktemp("dictionary") / "footfall.db")
    yield made
    made.close()


def test_the_document_says_what_the_dictionary_says() -> None:
    assert dictionary_text.DOCUMENT.read_text(encoding="utf-8") == dictionary_text.text(), (
        "run: python tests/dictionary_text.py"
    )


def test_a_database_has_the_views_that_the_columns_make(store: SqliteStore) -> None:
    with sqlite3.connect(store.path) as conn:
        standing = dict(conn.execute("SELECT name, sql || ';' FROM sqlite_schema WHERE type = 'view'").fetchall())
    conn.close()
    assert standing == views()


@pytest.mark.parametrize(("name", "columns"), VIEWED)
def test_a_view_shows_what_an_export_gives(store: SqliteStore, name: str, columns: tuple[Column, ...]) -> None:
    with sqlite3.connect(store.path) as conn:
        read = conn.execute(f"SELECT * FROM v_{name}")
        shown = [dict(zip([column[0] for column in read.description], row, strict=True)) for row in read]
    conn.close()
    given, _ = rows_of(store, name.removesuffix("_resolved"), since="0", resolve=name.endswith("_resolved"))
    times = [column.name for column in columns if column.type is Type.TIME]
    wanted = [row | {time: row[time] and iso(row[time]) for time in times} for row in given]
    assert [list(row) for row in shown[:1]] == [[column.name for column in columns] for _ in shown[:1]]
    assert sorted(map(str, shown)) == sorted(map(str, wanted))
    assert wanted


@pytest.mark.parametrize("name", DATASETS)
def test_every_value_is_of_its_columns_type(store: SqliteStore, name: str) -> None:
    rows, _ = rows_of(store, name, since="0")
    of_type = {Type.TEXT: str, Type.INT: int, Type.TIME: int, Type.BOOL: int, Type.JSON: str, Type.DECIMAL: str}
    for column in DATASETS[name].columns:
        values = [row[column.name] for row in rows]
        assert all(type(value) is of_type[column.type] for value in values if value is not None), column.name
        assert column.nullable or None not in values, column.name
