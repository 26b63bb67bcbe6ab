"""`footfall restore`: a backup takes the database's place whole and checked, or nothing changes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import sys
import time
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from analyst import rows_of
from conftest import Start, footfall, make_site
from shop import a_busy_day, call

from collector.store.audit import Act, Actor, By, Deed
from collector.store.sqlite.connection import migrations, newest_schema
from collector.store.sqlite.restore import restore
from collector.store.sqlite.store import SqliteStore
from collector.store.users import Role, User

WITHOUT = "--without-tombstones"
KEYS = ("42", "email:joe@x", "user@outlet:7", "visitor:tablet")
OTHER = "This is no database, but long enough to look like one. " * 99


@pytest.fixture(scope="module")
def backup(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The busy day's."""
    folder = tmp_path_factory.mktemp("backups")
    a_busy_day(folder / "day.db").close()
    assert footfall("backup", str(folder / "backup"), db=folder / "day.db").returncode == 0
    return folder / "backup"


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "footfall.db"


def answers(db: Path) -> dict[str, Any]:
    with closing(SqliteStore.open(str(db), create=False)) as store:
        while store.follow():
            pass
        people = {key: str(store.profile(key)) for key in KEYS}
        return people | {name: rows_of(store, name)[0] for name in ("events", "visits", "customers", "orders")}


def another(db: Path) -> None:
    """A database of a later day: one site, one event."""
    with closing(SqliteStore.open(str(db))) as store:
        store.put_site(make_site("later"))
        store.append([call("later-1", "Tried", visitor="late", site="later")])


def events(db: Path) -> int:
    with closing(sqlite3.connect(db)) as conn:
        return int(conn.execute("SELECT count(*) FROM events").fetchone()[0])


def nothing(done: int, total: int) -> None:
    """Nobody watches."""


def kept(db: Path) -> list[Path]:
    return sorted(path for path in db.parent.iterdir() if ".before-restore-" in path.name)


def test_a_restored_database_answers_as_the_one_that_was_backed_up(backup: Path, db: Path) -> None:
    done = footfall("restore", str(backup), "--json", WITHOUT, db=db)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["db"], told["kept"], told["schema"]) == (str(db), None, newest_schema())
    assert told["events"] == events(db)
    assert answers(db) == answers(backup.with_name("day.db"))
    assert db.stat().st_mode & 0o777 == 0o600
    assert {path.name for path in db.parent.iterdir()} == {"footfall.db", "footfall.db-lock"}


def test_a_database_is_not_replaced_unless_told_so_and_then_it_is_kept(backup: Path, db: Path) -> None:
    another(db)
    done = footfall("restore", str(backup), WITHOUT, db=db)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert (events(db), kept(db)) == (1, [])
    done = footfall("restore", str(backup), "--force", WITHOUT, db=db)
    assert done.returncode == 0, done.stderr
    assert events(db) > 1
    (former,) = kept(db)
    assert str(former) in done.stdout
    assert events(former) == 1


def test_while_a_collector_runs_nothing_is_restored(backup: Path, start: Start) -> None:
    collector = start(make_site())
    done = footfall("restore", str(backup), "--force", WITHOUT, db=collector.db)
    assert done.returncode == 1
    running = f"a collector (process {collector.process.pid}) runs on {collector.db}"
    assert done.stderr == f"footfall: cannot restore: {running} already\n"
    assert collector.post("/v1/track", {"writeKey": "wk_shop", "event": "E", "anonymousId": "v"}).status_code == 200
    assert len(collector.stored()) == 1
    assert kept(collector.db) == []


def test_while_any_other_program_has_the_database_open_nothing_is_restored(backup: Path, db: Path) -> None:
    another(db)
    with closing(sqlite3.connect(db)) as other:
        other.execute("SELECT * FROM events").fetchone()
        done = footfall("restore", str(backup), "--force", WITHOUT, db=db)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert "is in use" in done.stderr
    assert (events(db), kept(db)) == (1, [])
    assert not list(db.parent.glob("*.restoring*"))


def test_what_a_killed_collector_left_in_the_wal_is_kept_with_the_former_database(backup: Path, start: Start) -> None:
    collector = start(make_site())
    for n in range(3):
        told = {"writeKey": "wk_shop", "event": "E", "anonymousId": "v", "messageId": f"m{n}"}
        assert collector.post("/v1/track", told).status_code == 200
    collector.file_all()
    writing = collector.writing
    os.kill(writing, signal.SIGSTOP)  # so that it cannot tidy up when the collector has gone
    collector.stop(signal.SIGKILL)
    os.kill(writing, signal.SIGKILL)
    assert Path(f"{collector.db}-wal").stat().st_size
    done = footfall("restore", str(backup), "--force", WITHOUT, db=collector.db)
    assert done.returncode == 0, done.stderr
    (former,) = kept(collector.db)
    assert events(former) == 3
    assert answers(collector.db) == answers(backup.with_name("day.db"))


def test_a_database_that_is_broken_gives_way_with_all_that_belongs_to_it(backup: Path, db: Path) -> None:
    db.write_text(OTHER)
    Path(f"{db}-wal").write_text("what was in its WAL")
    assert footfall("restore", str(backup), "--force", WITHOUT, db=db).returncode == 0
    former, former_wal = kept(db)
    assert (former.read_text(), former_wal.read_text()) == (OTHER, "what was in its WAL")
    assert answers(db) == answers(backup.with_name("day.db"))


def test_the_wal_of_a_database_that_was_deleted_is_not_played_into_the_restored_one(backup: Path, db: Path) -> None:
    store = SqliteStore.open(str(db))
    store.put_site(make_site("later"))
    wal = Path(f"{db}-wal").read_bytes()
    store.close()
    db.unlink()
    Path(f"{db}-wal").write_bytes(wal)
    assert footfall("restore", str(backup), WITHOUT, db=db).returncode == 0
    assert answers(db) == answers(backup.with_name("day.db"))


def test_files_that_were_copied_by_hand_with_their_wal_are_restored_with_it(db: Path, tmp_path: Path) -> None:
    copied = tmp_path / "by-hand"
    with closing(SqliteStore.open(str(tmp_path / "day.db"))) as store:
        store.put_site(make_site())
        store.append([call("m1", "Tried", visitor="v")])
        for side in ("", "-wal"):
            Path(f"{copied}{side}").write_bytes(Path(f"{tmp_path}/day.db{side}").read_bytes())
    assert footfall("restore", str(copied), WITHOUT, db=db).returncode == 0
    assert events(db) == 1


def damaged(good: Path, bad: Path, how: str) -> None:
    """A file that must not be restored."""
    if how == "another program's":
        with closing(sqlite3.connect(bad)) as conn:
            conn.execute("CREATE TABLE notes (note TEXT)")
            conn.execute("PRAGMA user_version = 3")
        return
    content = {"empty": b"", "text": OTHER.encode()}.get(how, good.read_bytes())
    bad.write_bytes(content[: len(content) // 2] if how == "cut short" else content)
    with closing(sqlite3.connect(bad)) as conn:
        if how == "newer":
            conn.execute("PRAGMA user_version = 9999")
        elif how == "a torn index":
            conn.execute("PRAGMA writable_schema = ON")
            conn.execute(
                "UPDATE sqlite_schema SET sql = replace(sql, 'time, name', 'time, site') WHERE sql LIKE '%timeline%'"
            )
            conn.commit()


@pytest.mark.parametrize("how", ["empty", "text", "cut short", "another program's", "newer", "a torn index"])
def test_what_is_no_sound_backup_changes_nothing(backup: Path, db: Path, tmp_path: Path, how: str) -> None:
    damaged(backup, tmp_path / "bad", how)
    another(db)
    before = db.read_bytes()
    done = footfall("restore", str(tmp_path / "bad"), "--force", WITHOUT, db=db)
    assert (done.returncode in (1, 2), done.stdout, done.stderr.count("\n")) == (True, "", 1)
    assert db.read_bytes() == before
    assert kept(db) == []
    assert not list(db.parent.glob("*.restoring*"))


def test_no_file_and_the_database_itself_are_refused(db: Path, tmp_path: Path) -> None:
    another(db)
    assert footfall("restore", str(tmp_path / "nowhere"), db=db).returncode == 1
    assert footfall("restore", str(db), "--force", db=db).returncode == 2


@pytest.mark.parametrize("schema", [*migrations()][:-1])
def test_a_backup_of_an_older_schema_is_brought_up_to_date(db: Path, tmp_path: Path, schema: int) -> None:
    scripts = [script for number, script in migrations().items() if number <= schema]
    with closing(sqlite3.connect(tmp_path / "old")) as old:
        for script in scripts:
            old.executescript(script)
        old.execute(f"PRAGMA user_version = {schema}")
    done = footfall("restore", str(tmp_path / "old"), "--json", WITHOUT, db=db)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["schema"] == schema
    with closing(sqlite3.connect(db)) as conn:
        assert conn.execute("PRAGMA user_version").fetchone() == (newest_schema(),)


def test_numbers_never_come_twice_and_what_was_revoked_or_signed_out_stays_so(db: Path, tmp_path: Path) -> None:
    with closing(a_busy_day(db)) as store:
        store.put_signin_link("link", 2**60)
        for name in ("leaver", "anna"):
            store.add_user(User(name=name, role=Role.OWNER, password="former", created=0))
    assert footfall("token", "create", "desk", "--scope", "read", db=db).returncode == 0
    assert footfall("backup", str(tmp_path / "b"), db=db).returncode == 0
    assert footfall("token", "revoke", "desk", db=db).returncode == 0
    with closing(SqliteStore.open(str(db))) as store:
        store.append([call(f"late-{n}", "Signed In", visitor="late", user="late") for n in range(50)])
        while store.follow():
            pass
        store.remove_user("leaver")
        store.change_user("anna", None, "present")
        who = Actor(By.USER, "anna")
        at = time.time_ns() // 1_000_000  # what is older than a year leaves
        store.note([Deed(actor=who, act=Act.LOOKED_UP, subject=key, time=at, last=at) for key in ("42", "late")])
        store.erase("email:joe@x", 1)
        cursors = {name: int(rows_of(store, name)[1]) for name in ("events", "visits", "erasures")}
    done = footfall("restore", str(tmp_path / "b"), "--force", db=db)
    assert done.returncode == 0, done.stderr
    assert "events of people who were erased since are gone again" in done.stdout
    with closing(SqliteStore.open(str(db))) as store:
        assert not store.signin_link_holds("link", 0)
        assert [token.revoked is not None for token in store.tokens()] == [True]
        assert [(user.name, user.password) for user in store.users()] == [("anna", "present")]
        deeds = [(one.subject, one.hashed) for one in store.audit(None, None, 9) if one.act is Act.LOOKED_UP]
        assert ("42", False) in deeds and "late" not in str(deeds), "who is not in the backup is known by a hash alone"
        store.append([call("new-1", "Signed In", visitor="new", user="new")])
        while store.follow():
            pass
        for name in ("events", "visits"):
            fresh, _ = rows_of(store, name, since=str(cursors[name]))
            assert [row["visitor"] for row in fresh] == ["new"], name
        store.erase("new", 2)
        assert len(rows_of(store, "erasures", since=str(cursors["erasures"]))[0]) == 1


def test_the_restored_file_belongs_to_whom_the_former_one_did(backup: Path, db: Path) -> None:
    another(db)
    if os.geteuid() == 0:
        os.chown(db, 12_345, 12_345)
    owner = db.stat().st_uid
    assert footfall("restore", str(backup), "--force", WITHOUT, db=db).returncode == 0
    assert db.stat().st_uid == Path(f"{db}-lock").stat().st_uid == owner


def killed_at(at: int, backup: Path, db: Path) -> bool:
    """A restore that kills itself at the nth time that it touches the folder; False where it was done before."""
    child = os.fork()
    if not child:
        touches = count(1)

        def kill(event: str, arguments: tuple[Any, ...]) -> None:
            if event in ("os.rename", "os.link", "os.remove", "sqlite3.connect", "open") and next(touches) == at:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(kill)
        try:
            restore(str(backup), str(db), force=True, at=0, on_progress=nothing)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def test_killed_at_any_moment_it_leaves_the_former_database_or_the_restored_one(backup: Path, tmp_path: Path) -> None:
    whole = events(backup.with_name("day.db"))
    seen = []
    for at in count(1, 2):
        db = tmp_path / str(at) / "footfall.db"
        db.parent.mkdir()
        another(db)
        killed = killed_at(at, backup, db)
        with closing(SqliteStore.open(str(db), create=False)):
            seen.append(events(db))
        if not killed:
            break
        restore(str(backup), str(db), force=True, at=at * 1_000, on_progress=nothing)
        assert events(db) == whole
    assert seen == sorted(seen)
    assert set(seen) == {1, whole}
    assert len(seen) > 5


def test_killed_at_any_moment_what_waited_belongs_to_the_former_database_and_never_to_both(tmp_path: Path) -> None:
    """The former database: two events that are filed, one that waits. The backup holds the first alone."""
    seen = []
    begun = tmp_path / "begun" / "footfall.db"
    begun.parent.mkdir()
    another(begun)
    assert footfall("backup", f"{begun}.backup", db=begun).returncode == 0
    with closing(SqliteStore.open(str(begun))) as store:
        store.append([call("later-2", "Tried", visitor="late", site="later")])
        store.accept([call("waits", "Tried", visitor="late", site="later")])
    for at in count(1):
        db = tmp_path / str(at) / "footfall.db"
        shutil.copytree(begun.parent, db.parent)
        killed = killed_at(at, Path(f"{db}.backup"), db)
        seen.append(followed(db))
        if killed:
            restore(f"{db}.backup", str(db), force=True, at=at * 1_000, on_progress=nothing)
            assert followed(db) == 1
        assert 3 in [followed(path) for path in kept(db) if "-inbox" not in path.name]
        if not killed:
            break
    assert seen == sorted(seen, reverse=True)
    assert set(seen) == {1, 3}


def followed(db: Path) -> int:
    with closing(SqliteStore.open(str(db), create=False)) as store:
        while store.follow():
            pass
    return events(db)
