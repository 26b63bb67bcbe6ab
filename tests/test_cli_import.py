"""`footfall import`, from a file to what is on disk."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from conftest import footfall

ORDERS = """Order ID,Email,Total,Currency,Created at,Status,Colour
1001,Jane@x.example,49.90,EUR,2024-03-01 10:00,paid,red
1002,joe@x.example,not a number,EUR,2024-03-02 11:00,paid,red
1003,ann@x.example,5.00,EUR,2024-03-03 12:00,cancelled,red
"""


@pytest.fixture
def db(tmp_path: Path) -> Path:
    path = tmp_path / "footfall.db"
    footfall("site", "add", "shop", "--timezone", "Europe/Paris", db=path)
    (tmp_path / "orders.csv").write_text(ORDERS)
    return path


def run(*arguments: str, db: Path) -> tuple[int, Any]:
    done = footfall("import", *arguments, "--json", db=db)
    return done.returncode, json.loads(done.stdout)


def events(db: Path) -> int:
    conn = sqlite3.connect(db)
    number: int = conn.execute("SELECT count(*) FROM events").fetchone()[0]
    conn.close()
    return number


def test_good_rows_are_stored_bad_ones_told_with_their_line_and_a_second_time_adds_nothing(db: Path) -> None:
    file = str(db.parent / "orders.csv")
    code, told = run("orders", file, db=db)
    assert (code, told["stored"], told["quarantined"]) == (1, 3, 0)
    assert [problem["line"] for problem in told["problems"]] == [3]
    assert told["ignored_columns"] == ["colour"]
    assert events(db) == 3
    _, told = run("orders", file, db=db)
    assert (told["stored"], told["duplicate"]) == (0, 3)
    assert events(db) == 3


def test_a_dry_run_tells_the_same_and_stores_nothing(db: Path) -> None:
    code, told = run("orders", str(db.parent / "orders.csv"), "--dry-run", db=db)
    assert (code, told["stored"], len(told["problems"])) == (1, 3, 1)
    assert events(db) == 0


def test_a_column_can_be_named(db: Path) -> None:
    file = db.parent / "people.jsonl"
    file.write_text('{"kundennummer": 42, "mail": "jane@x.example"}\n')
    assert run("customers", str(file), "--map", "kundennummer=user_id", db=db)[0] == 0
    conn = sqlite3.connect(db)
    assert conn.execute("SELECT value FROM persons ORDER BY value").fetchall() == [("42",), ("jane@x.example",)]
    conn.close()


def test_with_two_sites_one_must_be_named(db: Path) -> None:
    footfall("site", "add", "second", db=db)
    file = str(db.parent / "orders.csv")
    assert footfall("import", "orders", file, db=db).returncode == 2
    assert run("orders", file, "--site", "second", db=db)[1]["stored"] == 3
