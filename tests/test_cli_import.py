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


@pytest.mark.parametrize(
    ("content", "arguments", "code", "words"),
    [
        (None, (), 2, "is a directory; name a file in it"),
        (b"", (), 1, "is empty: there is no row in it"),
        (b"order_id,date,total\n", (), 1, "is empty: there is no row in it"),
        (b"Nummer;Datum\n1;1.5.2024\n", (), 2, "known as order_id (nummer, datum): use --map COLUMN=FIELD"),
        (b"order_id,date\n1,2024-05-01\n", ("--map", "order_id=orderid"), 2, "known as order_id"),
    ],
)
def test_a_file_of_which_nothing_can_be_used_is_a_failure_in_one_line(
    db: Path, content: bytes | None, arguments: tuple[str, ...], code: int, words: str
) -> None:
    file = db.parent / "given"
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content)
    done = footfall("import", "orders", str(file), *arguments, db=db)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1)
    assert words in done.stderr and "given" in done.stderr


def test_a_field_that_is_not_known_is_told_with_the_one_that_may_be_meant(db: Path) -> None:
    file = db.parent / "people.csv"
    file.write_text("Kundennummer,email,size\n42,jane@x.example,9\n")
    flags = ("--map", "Kundennummer=userid", "--map", "size=shoe", "--map", "Nr=phone")
    code, told = run("customers", str(file), *flags, db=db)
    assert (code, told["stored"]) == (0, 1)
    assert told["notes"] == [
        "--map Nr=phone: the first rows have no column 'Nr'",
        "'userid' is no field that is known, and becomes a trait; 'user_id' is one",
        "'shoe' is no field that is known, and becomes a trait",
    ]
    assert told["notes"][1] in footfall("import", "customers", str(file), *flags, db=db).stderr


def test_lines_that_are_not_utf_8_are_told_and_no_address_is_made_of_them(db: Path) -> None:
    file = db.parent / "people.csv"
    file.write_bytes(
        "id,email,name\n1,zoë@x.example,Zoë\n".encode() + b"2,m@x.example,M\xfcller\n3,\xff\xfe@x,\n4,n/a,\n"
    )
    code, told = run("customers", str(file), db=db)
    assert (code, told["stored"]) == (1, 2)
    assert told["problems"] == [
        {"line": 4, "reason": "'ÿþ@x' cannot be an e-mail address"},
        {"line": 5, "reason": "'n/a' cannot be an e-mail address"},
    ]
    assert told["notes"] == [
        "2 lines are not UTF-8 (the first: 3) and read as Windows-1252: see whether names are right"
    ]


def test_an_order_of_somebody_whose_address_cannot_be_one_is_left_out(db: Path) -> None:
    file = db.parent / "orders.csv"
    file.write_bytes(b"order_id,date,email\n1,2024-05-01,none\n")
    assert run("orders", str(file), db=db)[1]["problems"] == [
        {"line": 2, "reason": "'none' cannot be an e-mail address"}
    ]
