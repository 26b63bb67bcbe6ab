"""`footfall backup`: while all goes on, whole or not at all, for its owner's eyes alone."""

from __future__ import annotations

import fcntl
import json
import resource
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from conftest import FIREFOX, ROOT, Collector, Start, footfall, make_site
from shop import a_busy_day, call

from collector.errors import FootfallError
from collector.store.sqlite import copying
from collector.store.sqlite.backup import back_up
from collector.store.sqlite.connection import newest_schema
from collector.store.sqlite.store import SqliteStore

AT = 1_777_700_000_000


@pytest.fixture
def db(tmp_path: Path) -> Path:
    path = tmp_path / "footfall.db"
    a_busy_day(path).close()
    return path


def nothing(done: int, total: int) -> None:
    """Nobody watches."""


def rows(file: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{file}?mode=ro&immutable=1", uri=True)) as conn:
        return conn.execute(sql).fetchall()


def left_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


class Sender(threading.Thread):
    """Sends one call after the other, and remembers which were acknowledged."""

    def __init__(self, collector: Collector) -> None:
        super().__init__()
        self._url = collector.url
        self.acknowledged: list[str] = []
        self.statuses: set[int] = set()
        self.stopped = threading.Event()

    def run(self) -> None:
        with httpx.Client(base_url=self._url, headers={"user-agent": FIREFOX}, timeout=30) as client:
            while not self.stopped.is_set():
                id = str(uuid4())
                told = {"writeKey": "wk_shop", "event": "Tried", "anonymousId": "v", "messageId": id}
                self.statuses.add(client.post("/v1/track", json=told).status_code)
                self.acknowledged.append(id)


def test_a_backup_while_calls_come_in_holds_all_that_was_acknowledged_before_it(start: Start, tmp_path: Path) -> None:
    collector = start(make_site())
    senders = [Sender(collector) for _ in range(3)]
    for sender in senders:
        sender.start()
    try:
        for n in range(3):
            before = [id for sender in senders for id in list(sender.acknowledged)]
            done = footfall("backup", str(tmp_path / f"{n}.backup"), "--json", db=collector.db)
            assert done.returncode == 0, done.stderr
            held = rows(tmp_path / f"{n}.backup", "SELECT seq, lower(hex(mid)) FROM events ORDER BY seq")
            assert [seq for seq, _ in held] == list(range(1, len(held) + 1))
            assert {id.replace("-", "") for id in before} <= {mid for _, mid in held}
            assert json.loads(done.stdout)["events"] == len(held)
    finally:
        for sender in senders:
            sender.stopped.set()
            sender.join()
    assert {status for sender in senders for status in sender.statuses} == {200}


def test_a_write_during_the_copy_neither_waits_nor_shows_in_it(
    db: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "PAGES_A_STEP", 50)
    ids = (f"late-{n}" for n in count())
    writes: list[int] = []

    def write(done: int, total: int) -> None:
        with closing(SqliteStore.open(str(db))) as store:
            store.append([call(next(ids), "Tried", visitor="late")])
        writes.append(done)

    before = rows(db, "SELECT count(*) FROM events")
    held = back_up(str(db), str(tmp_path / "b"), force=False, deep=True, at=AT, on_progress=write)
    assert len(writes) > 1
    assert rows(tmp_path / "b", "SELECT count(*) FROM events") == before == [(held.events,)]
    assert rows(tmp_path / "b", "SELECT count(*) FROM visitors WHERE visitor = 'late'") == [(0,)]


def test_a_copy_gives_up_before_the_wal_passes_its_bound_and_the_wal_is_cut_again(
    db: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "WAL_GROWTH_MIN", 0)
    monkeypatch.setattr(copying, "PAGES_A_STEP", 1)
    wal = Path(f"{db}-wal")
    sizes = []
    with closing(SqliteStore.open(str(db))) as store:

        def write(done: int, total: int) -> None:
            fresh = [call(str(uuid4()), "Tried", visitor=str(uuid4())) for _ in range(500)]
            store.append(fresh)
            sizes.append(wal.stat().st_size)

        with pytest.raises(FootfallError, match="meanwhile; try again when it has less to do"):
            back_up(str(db), str(tmp_path / "b"), force=False, deep=False, at=AT, on_progress=write)
        assert len(sizes) < db.stat().st_size // 4096
        # Nothing holds the WAL any more: one checkpoint takes it in whole, and the next write begins it anew.
        with closing(sqlite3.connect(db)) as conn:
            assert conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
    assert left_in(tmp_path) == {"footfall.db", "footfall.db-tombstones"}


def test_the_file_is_its_owners_alone_and_can_be_read_where_nothing_can_be_written(db: Path, tmp_path: Path) -> None:
    done = footfall("backup", str(tmp_path / "b"), db=db)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "b").read_bytes()[18:20] == b"\x01\x01"  # a rollback journal: no -shm is needed to read it
    assert not {"b-wal", "b-shm", "b.part"} & left_in(tmp_path)


def test_it_tells_what_it_holds(db: Path, tmp_path: Path) -> None:
    told = json.loads(footfall("backup", str(tmp_path / "b"), "--json", db=db).stdout)
    assert told["file"] == str(tmp_path / "b")
    assert told["bytes"] == (tmp_path / "b").stat().st_size
    assert (told["sites"], told["schema"]) == (2, newest_schema())
    assert told["events"] == rows(tmp_path / "b", "SELECT count(*) FROM events")[0][0]
    said = footfall("backup", str(tmp_path / "c"), db=db).stdout
    assert f"{told['events']} events of 2 sites, the newest of 2026-05-01" in said


def test_a_file_that_is_there_is_only_replaced_when_told_so(db: Path, tmp_path: Path) -> None:
    (tmp_path / "b").write_text("last week's")
    done = footfall("backup", str(tmp_path / "b"), db=db)
    assert (done.returncode, (tmp_path / "b").read_text()) == (2, "last week's")
    assert footfall("backup", str(tmp_path / "b"), "--force", db=db).returncode == 0
    assert rows(tmp_path / "b", "PRAGMA integrity_check") == [("ok",)]


def test_a_file_that_came_to_be_meanwhile_is_left_alone(db: Path, tmp_path: Path) -> None:
    def come(done: int, total: int) -> None:
        (tmp_path / "b").write_text("somebody else's")

    with pytest.raises(FootfallError, match="meanwhile"):
        back_up(str(db), str(tmp_path / "b"), force=False, deep=False, at=AT, on_progress=come)
    assert (tmp_path / "b").read_text() == "somebody else's"


@pytest.mark.parametrize(
    "file, code",
    [("-", 2), (".", 2), ("footfall.db", 2), ("link", 2), ("in-use", 2), ("nowhere/b", 1), ("/dev/full", 2)],
)
def test_what_is_no_place_for_a_backup_is_refused_in_one_line(db: Path, tmp_path: Path, file: str, code: int) -> None:
    (tmp_path / "link").symlink_to(db)
    (tmp_path / "in-use").write_text("")
    (tmp_path / "in-use-wal").write_text("")
    before = db.read_bytes()
    done = footfall("backup", file if file == "-" else str(tmp_path / file), "--force", db=db)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1)
    assert db.read_bytes() == before


@pytest.mark.parametrize("text, code", [(None, 1), ("This is no database, but long enough to be one. " * 99, 2)])
def test_what_is_no_database_cannot_be_backed_up(tmp_path: Path, text: str | None, code: int) -> None:
    if text:
        (tmp_path / "footfall.db").write_text(text)
    done = footfall("backup", str(tmp_path / "b"), db=tmp_path / "footfall.db")
    assert (done.returncode, done.stderr.count("\n")) == (code, 1)
    assert not (tmp_path / "b").exists()


def test_a_disk_without_room_is_seen_before_anything_is_written(
    db: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "ROOM_BYTES_MIN", 2**60)
    with pytest.raises(FootfallError, match=r"has .* free; this needs 1048576\.0 TB"):
        back_up(str(db), str(tmp_path / "b"), force=False, deep=False, at=AT, on_progress=nothing)
    assert not {"b", "b.part"} & left_in(tmp_path)


def test_a_disk_that_fills_up_on_the_way_leaves_no_file(db: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "collector", "backup", str(tmp_path / "b"), "--db", str(db)]

    def no_file_beyond_100_kb() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, preexec_fn=no_file_beyond_100_kb
    )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "the copy failed" in done.stderr
    assert left_in(tmp_path) <= {f"footfall.db{side}" for side in ("", "-wal", "-shm", "-tombstones")}


def test_a_damaged_database_makes_no_backup(db: Path, tmp_path: Path) -> None:
    ((page,),) = rows(db, "SELECT rootpage FROM sqlite_schema WHERE name = 'events'")
    with db.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)
    done = footfall("backup", str(tmp_path / "b"), db=db)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert f"{db} is damaged" in done.stderr
    assert not (tmp_path / "b").exists()


def test_what_a_killed_backup_left_is_no_hindrance_and_a_running_one_is_not_disturbed(db: Path, tmp_path: Path) -> None:
    part = tmp_path / "b.part"
    part.write_bytes(b"half a file")
    with part.open("r+b") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        done = footfall("backup", str(tmp_path / "b"), db=db)
        assert (done.returncode, part.read_bytes()) == (1, b"half a file")
        assert "is being written by another process" in done.stderr
    assert footfall("backup", str(tmp_path / "b"), db=db).returncode == 0
    assert "b.part" not in left_in(tmp_path)


def test_whom_one_has_forgotten_is_in_no_later_backup(db: Path, tmp_path: Path) -> None:
    assert footfall("backup", str(tmp_path / "before"), db=db).returncode == 0
    assert b"jane@x" in (tmp_path / "before").read_bytes()
    assert footfall("forget", "42", "--yes", db=db).returncode == 0
    assert footfall("backup", str(tmp_path / "after"), db=db).returncode == 0
    assert b"jane@x" not in (tmp_path / "after").read_bytes()


def test_the_database_knows_when_it_was_last_backed_up(db: Path, tmp_path: Path) -> None:
    back_up(str(db), str(tmp_path / "b"), force=False, deep=False, at=AT, on_progress=nothing)
    with closing(sqlite3.connect(db)) as conn:
        assert conn.execute("SELECT value FROM meta WHERE key = 'backed_up'").fetchall() == [(AT,)]
