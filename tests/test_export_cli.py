"""`footfall export` and `footfall customer`: files whole or not at all, a JSON line for scripts, text for terminals."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from conftest import footfall
from shop import UUID, a_busy_day, call

from collector.cli.export import opened_file


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("cli") / "footfall.db"
    a_busy_day(path).close()
    yield path


def test_export_writes_a_file_and_prints_rows_and_cursor_last(db: Path, tmp_path: Path) -> None:
    out = tmp_path / "events.parquet"
    done = footfall("export", "events", "--format", "parquet", "--out", str(out), "--json", db=db)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {"rows": 19, "next": "20"}
    assert pq.read_table(out).num_rows == 19
    assert stat.S_IMODE(out.stat().st_mode) == 0o600, "it is about people"
    assert [path.name for path in tmp_path.iterdir()] == ["events.parquet"]


def test_export_to_stdout_says_the_rest_on_stderr(db: Path) -> None:
    done = footfall("export", "orders", "--format", "jsonl", "--out", "-", "--json", db=db)
    assert [json.loads(line)["order_id"] for line in done.stdout.splitlines()] == ["1001", "G-1"] or done.stdout
    assert json.loads(done.stderr)["rows"] == len(done.stdout.splitlines()) == 2


def test_export_goes_on_from_a_cursor_and_may_be_narrowed(db: Path) -> None:
    done = footfall("export", "events", "--since", "17", "--json", db=db)
    assert len(done.stdout.splitlines()) == 3
    done = footfall(
        *("export", "events", "--resolve", "--site", "shop", "--format", "jsonl"),
        *("--from", "2026-05-01T10:00:00", "--to", "2026-05-01T10:01:00"),
        db=db,
    )
    assert [json.loads(line)["customer"] for line in done.stdout.splitlines()] == ["42"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nothing"], 2, "'nothing' is not one of 'events'"),
        (["events", "--format", "xlsx"], 2, "'xlsx' is not one of"),
        (["events", "--since", "soon"], 2, "since is no cursor that an export gave"),
        (["events", "--from", "soon"], 2, "'soon' is neither a date"),
        (["orders", "--resolve"], 2, "footfall: --resolve adds customer and visit to events only"),
        (["events", "--out", "."], 2, "footfall: . is a directory; name the file in it"),
        (["events", "--out", "/nowhere/at/all.csv"], 1, "No such file or directory"),
    ],
)
def test_export_refuses_in_one_line(db: Path, arguments: list[str], code: int, message: str) -> None:
    done = footfall("export", *arguments, db=db)
    assert done.returncode == code
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_an_export_for_which_there_is_no_place_is_not_noted_as_one(tmp_path: Path) -> None:
    path = tmp_path / "footfall.db"
    a_busy_day(path).close()
    assert footfall("export", "events", "--out", str(tmp_path), db=path).returncode == 2
    assert footfall("audit", "--json", db=path).stdout == ""


def test_an_export_that_fails_leaves_the_old_file_and_no_part(db: Path, tmp_path: Path) -> None:
    out = tmp_path / "events.csv"
    out.write_text("old")
    assert footfall("export", "events", "--since", "soon", "--out", str(out), db=db).returncode == 2
    assert [path.name for path in tmp_path.iterdir()] == ["events.csv"]
    assert out.read_text() == "old"


def test_an_export_that_breaks_half_way_leaves_the_old_file_and_no_part(tmp_path: Path) -> None:
    out = tmp_path / "events.csv"
    out.write_text("old")
    with pytest.raises(RuntimeError), opened_file(str(out), "footfall.db") as file:
        file.write(b"half")
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["events.csv"]
    assert out.read_text() == "old"


def test_customer_shows_profile_and_timeline(db: Path) -> None:
    shown = footfall("customer", "42", db=db).stdout
    for word in ("42 (buyer)", "jane@x (claimed)", "19.5 EUR net", UUID, "Order Completed", "2026-05-01 08:04:00Z"):
        assert word in shown, word


def test_customer_gives_orders_to_no_terminal(tmp_path: Path) -> None:
    evil = "\x1b[2J\x9b31m\r\u202e[red]"
    store = a_busy_day(tmp_path / "footfall.db")
    store.append(
        [call("m50", f"Event{evil}", visitor="v", user="evil", url=f"https://x/{evil}", properties={"a": evil})]
    )
    store.append([call("m51", "identify", 1, visitor="v", user="evil", properties={"name": f"Name{evil}"})])
    store.close()
    shown = footfall("customer", "evil", db=tmp_path / "footfall.db").stdout
    assert "Event\ufffd[2J" in shown and "Name\ufffd[2J" in shown and "[red]" in shown
    assert not set(shown) & {chr(code) for code in (*range(10), *range(11, 32), *range(127, 160), 0x202E)}


def test_customer_as_json_is_the_api_with_the_timeline_in_it(db: Path) -> None:
    done = footfall("customer", "user:42", "--json", "--limit", "2", db=db)
    shown = json.loads(done.stdout)
    assert shown["key"] == "42"
    assert [event["id"] for event in shown["activity"]["events"]] == ["m7", "m15"]
    assert shown["activity"]["next"]


def test_nobody_is_exit_1_in_one_line(db: Path) -> None:
    done = footfall("customer", "nobody", db=db)
    assert (done.returncode, done.stderr) == (1, "footfall: there is no customer nobody\n")
