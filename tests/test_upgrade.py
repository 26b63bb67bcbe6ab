"""Upgrades: a database of every earlier schema is brought up to date at its opening, and answers as it did."""

from __future__ import annotations

import gzip
import json
import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from conftest import footfall
from keeping import FIXTURES, a_kept_shop, answers

from collector.errors import Misuse
from collector.store.sqlite import connection
from collector.store.sqlite.connection import connect, migrations, newest_schema, schema_version
from collector.store.sqlite.store import SqliteStore

KEPT = sorted(FIXTURES.glob("schema-*.db.gz"))
MADE_NOW = "made now"


def an_empty(path: Path, schema: int) -> None:
    """A new database, as the Footfall of that schema made it."""
    with closing(sqlite3.connect(path)) as conn:
        for number, script in migrations().items():
            if number <= schema:
                conn.executescript(script)
        conn.execute(f"PRAGMA user_version = {schema}")


def schema_of(path: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as conn:
        assert conn.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return conn.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name").fetchall()


def a_new_one(folder: Path) -> list[tuple[Any, ...]]:
    """The schema of a database that was never anything but new."""
    SqliteStore.open(str(folder / "new.db")).close()
    return schema_of(folder / "new.db")


def covers(fresh: Any, kept: Any, where: str = "") -> None:
    """Later code may say more, never something else."""
    if isinstance(kept, dict):
        assert isinstance(fresh, dict), where
        for name, value in kept.items():
            assert name in fresh, f"{where}/{name}"
            covers(fresh[name], value, f"{where}/{name}")
    elif isinstance(kept, list):
        assert isinstance(fresh, list) and len(fresh) == len(kept), where
        for place, (now, then) in enumerate(zip(fresh, kept, strict=True)):
            covers(now, then, f"{where}/{place}")
    else:
        assert fresh == kept, where


def as_of_now(answered: dict[str, Any]) -> dict[str, Any]:
    """What a rebuild must not change: all but the revisions of rows, their order, and rows that are gone."""
    exports = {
        name: sorted(
            (
                {column: value for column, value in row.items() if column != "rev"}
                for row in rows
                if not row.get("deleted")
            ),
            key=lambda row: json.dumps(row, sort_keys=True),
        )
        for name, rows in answered["exports"].items()
    }
    return answered | {"exports": exports}


@pytest.mark.parametrize("kept", [*[path.name for path in KEPT], MADE_NOW])
def test_a_kept_database_answers_after_an_upgrade_as_it_did_before(tmp_path: Path, kept: str) -> None:
    db = tmp_path / "footfall.db"
    if kept == MADE_NOW:
        a_kept_shop(db)
        wanted = answers(db)
    else:
        db.write_bytes(gzip.decompress((FIXTURES / kept).read_bytes()))
        wanted = json.loads((FIXTURES / kept.replace(".db.gz", ".json")).read_text(encoding="utf-8"))
    covers(answers(db), wanted)
    assert schema_of(db) == a_new_one(tmp_path)
    # Not by the command: that adds its own line to the audit log, and what is older than a year leaves it.
    with closing(SqliteStore.open(str(db), create=False)) as store:
        store.rebuild()
    covers(as_of_now(answers(db)), as_of_now(wanted))


def test_the_schema_that_is_given_out_is_kept() -> None:
    """Where this fails: `make fixture`, before the migration is given out."""
    assert [int(path.name[7:11]) for path in KEPT][-1] == newest_schema()
    assert all(path.with_name(path.name.replace(".db.gz", ".json")).exists() for path in KEPT)


@pytest.mark.parametrize("schema", migrations())
def test_a_database_that_stopped_at_any_migration_ends_as_a_new_one(tmp_path: Path, schema: int) -> None:
    an_empty(tmp_path / "old.db", schema)
    SqliteStore.open(str(tmp_path / "old.db"), create=False).close()
    assert schema_of(tmp_path / "old.db") == a_new_one(tmp_path)


def test_a_newer_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    an_empty(tmp_path / "new.db", newest_schema())
    with closing(sqlite3.connect(tmp_path / "new.db")) as conn:
        conn.execute("PRAGMA journal_mode = WAL")
        conn.execute(f"PRAGMA user_version = {newest_schema() + 1}")
    before = (tmp_path / "new.db").read_bytes()
    done = footfall("serve", "--port", "0", db=tmp_path / "new.db")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "was written by a newer Footfall" in done.stderr
    assert (tmp_path / "new.db").read_bytes() == before


def killed_at(statement: int, db: Path) -> bool:
    """An upgrade that is killed at its nth statement; False where it was done before."""
    child = os.fork()
    if not child:
        done = 0

        def kill(executed: str) -> None:
            nonlocal done
            done += 1
            if done == statement:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            conn = sqlite3.connect(db, isolation_level=None)
            conn.execute("PRAGMA journal_mode = WAL")
            conn.set_trace_callback(kill)
            connection.migrate(conn, str(db))
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def test_an_upgrade_that_is_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    wanted = a_new_one(tmp_path)
    at, step = 1, 13  # each thirteenth statement: some begin, some end a migration, most lie within one
    while True:
        db = tmp_path / f"{at}.db"
        an_empty(db, 1)
        killed = killed_at(at, db)
        with closing(connect(str(db), create=False)) as conn:
            assert schema_version(conn) == newest_schema()
        assert schema_of(db) == wanted
        if not killed:
            break
        at += step
    assert at > 5 * step


def test_an_sqlite_that_is_too_old_is_told_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 37, 2))
    with pytest.raises(Misuse, match=r"needs 3\.38 or newer"):
        connect(str(tmp_path / "new.db"), create=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("version", [0, 1, 2, newest_schema(), newest_schema() + 1])
def test_of_another_programs_database_not_a_byte_is_changed(tmp_path: Path, version: int) -> None:
    """Whatever it counts its own versions to; and not only by `serve`."""
    notes = tmp_path / "notes.db"
    with closing(sqlite3.connect(notes)) as conn:
        conn.execute("CREATE TABLE notes (note TEXT)")
        conn.execute(f"PRAGMA user_version = {version}")
    before = notes.read_bytes()
    for command in (("serve", "--port", "0"), ("site", "add", "shop"), ("export", "events")):
        done = footfall(*command, db=notes)
        assert (done.returncode, done.stderr) == (2, f"footfall: {notes} is another program's database\n"), command
        assert notes.read_bytes() == before, command
