"""Exports over HTTP: files that stream, headers, and what is refused before the first byte."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator

import pyarrow.parquet as pq
import pytest
from conftest import Collector
from reading import Reader, a_shop_that_is_read

from collector.store.datasets import DATASETS


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    with a_shop_that_is_read(tmp_path_factory.mktemp("export") / "footfall.db") as one:
        yield one


@pytest.fixture(scope="module")
def reader(collector: Collector) -> Reader:
    return Reader(collector, "export")


@pytest.mark.parametrize("name", DATASETS)
def test_the_three_formats_tell_the_same(reader: Reader, name: str) -> None:
    path = f"/api/export/{name}"
    cells = list(csv.DictReader(io.StringIO(reader.get(path, format="csv").text, "")))
    lines = [json.loads(line) for line in reader.get(path, format="jsonl").text.splitlines()]
    rows = pq.read_table(io.BytesIO(reader.get(path, format="parquet").content)).to_pylist()
    names = [column.name for column in DATASETS[name].columns]
    assert len(cells) == len(lines) == len(rows) > 0
    for cell, line, row in zip(cells, lines, rows, strict=True):
        assert list(cell) == list(line) == list(row) == names
        for column in names:
            if isinstance(line[column], str):
                assert cell[column].removeprefix("'") == line[column].removeprefix("'")
            if line[column] is None:
                assert (cell[column], row[column]) == ("", None)


def test_csv_is_the_format_unless_said_and_the_file_has_a_name(reader: Reader) -> None:
    answer = reader.get("/api/export/orders")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="orders.csv"'
    assert answer.headers["cache-control"] == "no-store"


def test_the_cursor_to_go_on_from_is_in_a_header(collector: Collector, reader: Reader) -> None:
    cursor = reader.get("/api/export/events").headers["footfall-next"]
    assert len(reader.get("/api/export/events", since=cursor).text.splitlines()) == 1
    call = {"type": "track", "event": "Product Viewed", "messageId": "next", "userId": "42", "event ": 1}
    collector.client.post("/v1/track", json=call, auth=("sk_shop", "")).raise_for_status()
    new = reader.get("/api/export/events", since=cursor, format="jsonl").text.splitlines()
    assert [json.loads(line)["id"] for line in new] == ["next"]


def test_a_feed_holds_what_was_acknowledged(collector: Collector, reader: Reader) -> None:
    call = {"type": "identify", "messageId": "feed", "userId": "feed", "traits": {"name": "=1+1"}}
    collector.client.post("/v1/identify", json=call, auth=("sk_shop", "")).raise_for_status()
    rows = list(csv.DictReader(io.StringIO(reader.get("/api/export/customers").text, "")))
    assert next(row["name"] for row in rows if row["customer"] == "feed") == "'=1+1"


def test_a_bare_date_is_a_day_in_the_sites_time_zone(reader: Reader) -> None:
    def ids(**query: str) -> list[str]:
        lines = reader.get("/api/export/events", format="jsonl", site="shop", **query).text.splitlines()
        return [json.loads(line)["id"] for line in lines]

    assert "m16" in ids(**{"from": "2026-05-01", "to": "2026-05-02"})
    assert ids(**{"from": "2026-05-01T09:40:00.007", "to": "2026-05-01T09:40:00.008"}) == ["m16"]


def test_resolve_adds_whose_each_event_is(reader: Reader) -> None:
    first = json.loads(reader.get("/api/export/events", format="jsonl", resolve="1").text.splitlines()[0])
    assert (first["customer"], first["visit"], first["why"]) == ("42", "m1", "identify")


REFUSED = [
    ("/api/export/nothing", 404, "there is no dataset 'nothing'"),
    ("/api/export/events?format=xlsx", 400, "format must be one of csv, jsonl, parquet"),
    ("/api/export/events?since=last", 400, "since is no cursor"),
    ("/api/export/events?since=999999", 400, "since is ahead of this database"),
    ("/api/export/events?from=soon", 400, "'soon' is neither a date"),
    ("/api/export/events?from=2026-05-02&to=2026-05-01", 400, "from lies behind to"),
    ("/api/export/events?site=nowhere", 400, "there is no site 'nowhere'"),
    ("/api/export/events?resolve=yes", 400, "resolve must be one of 0, 1"),
    ("/api/export/orders?resolve=1", 400, "resolve=1 adds customer and visit to events only"),
]


@pytest.mark.parametrize(("path", "status", "message"), REFUSED)
def test_what_makes_no_sense_is_refused_in_one_line(reader: Reader, path: str, status: int, message: str) -> None:
    answer = reader.get(path)
    assert answer.status_code == status
    assert answer.json()["error"]["message"].startswith(message)
