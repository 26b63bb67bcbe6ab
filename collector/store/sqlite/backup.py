"""A backup: one file that holds all, made while the collector runs, checked before it gets its name.

What enters: the database, the file to make. What leaves: the file, readable by its owner alone, and what it holds.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from urllib.parse import quote

from collector.errors import FootfallError, Misuse
from collector.store.sqlite.connection import connect
from collector.store.sqlite.copying import Progress, copy, part_of, put
from collector.store.sqlite.soundness import Contents, contents, faults, must_be_ours

NOTE_WITHIN_S = 2.0


def back_up(db: str, file: str, *, force: bool, deep: bool, at: int, on_progress: Progress) -> Contents:
    """Copy the database as it is now into `file`; `force` may replace a file that is there.

    Raises Misuse or NotFound where that makes no sense, FootfallError where it fails; then no file is left.
    """
    refuse_place(db, file, force=force)
    with closing(connect(db, create=False, read_only=True)) as source:
        must_be_ours(source, db)
        with part_of(file, ".part") as part:
            copy(source, db, part, on_progress)
            held = checked(part.path, db, deep=deep)
            put(part, file, replace=force)
    _note(db, at)
    return held


def checked(path: str, source: str, *, deep: bool) -> Contents:
    """What a finished copy of `source` holds. Raises FootfallError where it is not whole."""
    with closing(open_alone(path)) as conn:
        if found := faults(conn, deep=deep):
            raise FootfallError(f"{source} is damaged: {'; '.join(found)}")
        return contents(conn)


def open_alone(path: str) -> sqlite3.Connection:
    """A file that nobody writes, on a disk that need not be writable; raises Misuse.

    What was copied by other means together with its WAL is read together with it.
    """
    beside = any(os.path.exists(path + side) and os.path.getsize(path + side) for side in ("-wal", "-journal"))
    how = "mode=ro" if beside else "mode=ro&immutable=1"
    try:
        conn = sqlite3.connect(f"file:{quote(path)}?{how}", uri=True, isolation_level=None)
        conn.execute("PRAGMA query_only = ON")
        conn.execute("PRAGMA trusted_schema = OFF")
    except sqlite3.OperationalError as error:
        raise Misuse(f"cannot open {path}: {error}") from error
    return conn


def refuse_place(db: str, file: str, *, force: bool) -> None:
    """Raises Misuse where `file` is no place for a backup of `db`."""
    if file == "-":
        raise Misuse("a backup goes into a file: it is checked before it gets its name")
    if os.path.isdir(file):
        raise Misuse(f"{file} is a directory; name a file in it")
    if os.path.exists(file) and not os.path.isfile(file):
        raise Misuse(f"{file} is not a file")
    if os.path.exists(db) and os.path.exists(file) and os.path.samefile(db, file):
        raise Misuse(f"{file} is the database itself")
    if os.path.exists(f"{file}-wal"):
        raise Misuse(f"{file} is a database in use, or was: {file}-wal lies beside it")
    if os.path.lexists(file) and not force:
        raise Misuse(f"{file} is there already; --force replaces it")


def _note(db: str, at: int) -> None:
    """Write down when the last backup was made. The backup is good also where that cannot be written."""
    with suppress(sqlite3.Error):
        conn = sqlite3.connect(f"file:{quote(db)}?mode=rw", uri=True, isolation_level=None, timeout=NOTE_WITHIN_S)
        with closing(conn):
            conn.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('backed_up', ?)", (at,))
