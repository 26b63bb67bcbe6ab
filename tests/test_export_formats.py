"""Files: what a cell, a line and a column look like; what a spreadsheet would run is never the first character."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import Misuse
from collector.store.datasets import Column, Type
from collector.web import formats
from collector.web.formats import file_format

COLUMNS = (
    Column("=name", Type.TEXT, "", nullable=True),
    Column("n", Type.INT, ""),
    Column("at", Type.TIME, "", nullable=True),
    Column("yes", Type.BOOL, ""),
    Column("about", Type.JSON, ""),
    Column("net", Type.DECIMAL, "", nullable=True),
)
TIME = 1_777_622_400_007
ROWS = [
    ("Jane", 1, TIME, 1, '{"a":1.50}', "12.50"),
    (None, -1, None, 0, "[]", None),
    ("=1+1", 0, 0, 0, "{}", "-3.00"),
]


def written(suffix: str, rows: list[tuple[Any, ...]] = ROWS, columns: tuple[Column, ...] = COLUMNS) -> bytes:
    batches = [rows[at : at + 2] for at in range(0, len(rows), 2)]
    return b"".join(file_format(suffix).render(columns, iter(batches)))


def test_csv_is_rfc_4180_with_iso_times_words_for_bools_and_empty_cells_for_null() -> None:
    assert written("csv").decode() == (
        "'=name,n,at,yes,about,net\r\n"
        'Jane,1,2026-05-01T08:00:00.007Z,true,"{""a"":1.50}",12.50\r\n'
        ",-1,,false,[],\r\n"
        "'=1+1,0,1970-01-01T00:00:00.000Z,false,{},-3.00\r\n"
    )


@pytest.mark.parametrize("first", "=+-@\t\r")
def test_a_cell_that_a_spreadsheet_would_run_gets_an_apostrophe(first: str) -> None:
    hostile = f"{first}cmd|' /C calc'!A0"
    for kind in (Type.TEXT, Type.JSON, Type.DECIMAL):
        cells = list(csv.reader(io.StringIO(written("csv", [(hostile,)], (Column(hostile, kind, ""),)).decode(), "")))
        assert cells == [[f"'{hostile}"], [f"'{hostile}"]]


@given(st.lists(st.text() | st.none(), min_size=1, max_size=4))
def test_no_text_breaks_a_csv_and_none_runs(texts: list[str | None]) -> None:
    columns = tuple(Column(f"c{at}", Type.TEXT, "", True) for at in range(len(texts) + 1))
    read = list(csv.reader(io.StringIO(written("csv", [("x", *texts)], columns).decode(), "")))
    assert len(read) == 2
    for text, cell in zip(texts, read[1][1:], strict=True):
        assert not cell.startswith(tuple("=+-@\t\r"))
        assert cell in (text or "", f"'{text}")


def test_json_lines_hold_real_json_real_booleans_and_exact_decimals() -> None:
    lines = written("jsonl").splitlines()
    assert json.loads(lines[0]) == {
        "=name": "Jane",
        "n": 1,
        "at": "2026-05-01T08:00:00.007Z",
        "yes": True,
        "about": {"a": 1.5},
        "net": "12.50",
    }
    assert b'"about":{"a":1.50}' in lines[0], "a number keeps its digits"
    assert json.loads(lines[1])["at"] is None
    assert len(lines) == 3


def test_parquet_holds_timestamps_in_utc_and_text_for_json_and_decimals() -> None:
    table = pq.read_table(io.BytesIO(written("parquet")))
    assert {field.name: (str(field.type), field.nullable) for field in table.schema} == {
        "=name": ("string", True),
        "n": ("int64", False),
        "at": ("timestamp[ms, tz=UTC]", True),
        "yes": ("bool", False),
        "about": ("string", False),
        "net": ("string", True),
    }
    assert table.to_pylist()[0] == {
        "=name": "Jane",
        "n": 1,
        "at": datetime(2026, 5, 1, 8, 0, 0, 7_000, tzinfo=UTC),
        "yes": True,
        "about": '{"a":1.50}',
        "net": "12.50",
    }
    assert table.num_rows == 3


def test_an_empty_export_is_a_file_that_opens() -> None:
    assert written("csv", []) == b"'=name,n,at,yes,about,net\r\n"
    assert written("jsonl", []) == b""
    assert pq.read_table(io.BytesIO(written("parquet", []))).num_rows == 0


def test_an_unknown_format_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(Misuse, match="there is no format 'xlsx'; there are csv, jsonl, parquet"):
        file_format("xlsx")


def test_parquet_without_pyarrow_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError("No module named 'pyarrow'")

    monkeypatch.setattr(formats, "import_module", missing)
    with pytest.raises(Misuse, match=r"Parquet needs pyarrow: pip install 'footfall\[parquet\]'"):
        file_format("parquet")
