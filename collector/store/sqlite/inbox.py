"""The inbox: events that are safe on disk and not in the log yet. To put them here is all that an answer waits for.

What enters: events that may be kept. What leaves: the same, oldest first, by growing numbers. It is a file beside the
database, so that taking in never waits for filing; what is filed leaves it, and an orderly stop leaves it empty.
It judges nothing, and does not know what a log is.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import Struct

from collector.errors import FootfallError, Unavailable
from collector.event import Event
from collector.store.sqlite.connection import BUSY_MS_MAX, is_the_files
from collector.store.sqlite.owning import give
from collector.store.sqlite.rows import Insert

SUFFIX = "-inbox"
SIDE_FILES = (SUFFIX, f"{SUFFIX}-wal", f"{SUFFIX}-shm")
# So many events a row: filing takes whole rows.
ROW_EVENTS_MAX = 64
# When the journal has grown to this it is brought into the file by whoever files, not by whoever takes in; or, where
# that does not come to it, at last in a commit.
COMMIT_BYTES = 3 * 4_096  # what one writes beside its events
CHECKPOINT_BYTES, CHECKPOINT_AT_LAST_PAGES = 8 * 1024 * 1024, 16_000
_sync = getattr(os, "fdatasync", os.fsync)
# An empty file of more pages than this gives them back.
KEPT_PAGES = 4_096

_PRAGMAS = (
    f"PRAGMA busy_timeout = {BUSY_MS_MAX}",
    "PRAGMA secure_delete = ON",
    "PRAGMA journal_size_limit = 67108864",
    f"PRAGMA wal_autocheckpoint = {CHECKPOINT_AT_LAST_PAGES}",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -512",
)
# `origin` tells to which database the file belongs.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS origin (key BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS inbox (id INTEGER PRIMARY KEY, n INTEGER NOT NULL, events BLOB NOT NULL) STRICT;
"""
_PUT = Insert("INSERT INTO inbox (id, n, events)", columns=3)
_LAST = "SELECT coalesce(max(id), 0) FROM inbox"
_ANY = "SELECT EXISTS (SELECT 1 FROM inbox)"
_FIRST = "SELECT min(id) FROM inbox"
_NEXT = "SELECT id, n, events FROM inbox WHERE id > ? ORDER BY id LIMIT ?"
_REMOVE = "DELETE FROM inbox WHERE id <= ?"
_ORIGIN = "SELECT key FROM origin"
_TABLES = "SELECT count(*) FROM sqlite_schema WHERE name IN ('origin', 'inbox')"
_WAITING = "SELECT coalesce(sum(n), 0) FROM inbox WHERE id > ?"

pack = msgspec.msgpack.Encoder().encode
unpack = msgspec.msgpack.Decoder(list[Event]).decode


class Parcel(Struct, frozen=True):
    """One row: its number, how many events it holds, and these, packed."""

    id: int
    n: int
    events: bytes


class Inbox:
    """That of one database. `put` is called by one thread, `next` and `clean` by another, `remove` by any.

    They may as well be in several processes, each with an Inbox of its own; only one of them puts and removes.
    """

    def __init__(self, db: str, key: bytes) -> None:
        self._path, self._key = f"{os.path.realpath(db)}{SUFFIX}", key
        self._putting: sqlite3.Connection | None = None
        self._taking: sqlite3.Connection | None = None
        self._removing: sqlite3.Connection | None = None
        self._file: int | None = None
        self._alone = threading.Lock()  # of two connections of one process one would sleep until the other is done
        self._last = 0
        self._removed = 0
        self._put_bytes = 0

    def put(self, events: Sequence[Event], filed: Callable[[], int]) -> int:
        """Make these safe; on disk when it returns. Returns the number of the last row.

        `filed` tells the last one that is in the log; it is asked once. Raises Unavailable, and then kept nothing.
        """
        parts = [events[at : at + ROW_EVENTS_MAX] for at in range(0, len(events), ROW_EVENTS_MAX)]
        packed = [(len(part), pack(part)) for part in parts]
        with self._alone:
            try:
                conn = self._putting = self._putting or self._made(filed)
                conn.execute("BEGIN IMMEDIATE")
                _PUT.run(conn, [(self._last + at, *part) for at, part in enumerate(packed, 1)])
                conn.execute("COMMIT")
            except (sqlite3.DatabaseError, OSError) as error:
                self._give_up(self._putting)
                if isinstance(error, OSError) or is_the_files(error):
                    raise Unavailable(f"the database cannot be written: {error}") from error
                raise
            self._last += len(packed)
            self._put_bytes += sum(len(part) for _, part in packed) + COMMIT_BYTES
        return self._last

    def next(self, filed: int, events_max: int) -> list[Parcel]:
        """The oldest rows above `filed`: of so many events, and no less where there are more."""
        conn = self._taking = self._taking or self._found()
        parcels: list[Parcel] = []
        found = 0
        for id, n, events in conn.execute(_NEXT, (filed, events_max)) if conn else ():
            parcels.append(Parcel(id, n, events))
            found += n
            if found >= events_max:
                break
        return parcels

    def remove(self, filed: int) -> None:
        """The rows up to this one are in the log, and that is on disk. Raises Unavailable."""
        if filed <= self._removed:
            return
        try:
            with self._alone:
                conn = self._removing = self._removing or self._found()
                if conn is None:
                    return
                conn.execute(_REMOVE, (filed,))
            self._removed = filed
            if self._put_bytes >= CHECKPOINT_BYTES:
                self._put_bytes = 0
                self._checkpoint(conn)
        except (sqlite3.DatabaseError, OSError) as error:
            if isinstance(error, OSError) or is_the_files(error):
                raise Unavailable(f"the database cannot be written: {error}") from error
            raise

    def clean(self) -> bool:
        """Leave no trace of what was removed; False where that cannot be now: somebody reads on, or the disk fails."""
        conn = self._taking = self._taking or self._found()
        if conn is None:
            return True
        with self._alone, suppress(sqlite3.OperationalError):
            conn.execute("VACUUM")  # where pages are joined or divided, their unused middles may keep copies
            return not conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        return False

    def close(self) -> None:
        """The file stays: who still has it open would otherwise share the journal of the next one of that name, and
        what is put there would be lost.
        """
        with self._alone:
            if self._putting is not None:
                _shrink(self._putting)
            for each in (self._putting, self._taking, self._removing):
                if each is not None:
                    each.close()
            self._putting = self._taking = self._removing = None
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def _made(self, filed: Callable[[], int]) -> sqlite3.Connection:
        """The file to put into, made where there is none."""
        # One that is there is not opened: with its descriptor would go the locks of this process's connections to it.
        with suppress(FileExistsError):
            descriptor = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
            try:
                give(descriptor, self._path.removesuffix(SUFFIX))
            finally:
                os.close(descriptor)
        conn = self._connected()
        try:
            conn.execute("PRAGMA journal_mode = WAL")
            conn.executescript(_SCHEMA)
            # In this order: what is gone from here when it is looked for, `filed` knows.
            self._last = max(self._last, self._claim(conn), filed())
        except BaseException:
            conn.close()
            raise
        return conn

    def _found(self) -> sqlite3.Connection | None:
        """The file, where there is one and it is this database's."""
        if not os.path.exists(self._path):
            return None
        conn = self._connected()
        try:
            conn.execute("PRAGMA synchronous = NORMAL")
            if conn.execute(_TABLES).fetchone()[0] == 2 and conn.execute(_ORIGIN).fetchall() == [(self._key,)]:
                return conn
        except BaseException:
            conn.close()
            raise
        conn.close()
        return None

    def _connected(self) -> sqlite3.Connection:
        conn = _connect(self._path, "rw")
        try:
            for pragma in _PRAGMAS:
                conn.execute(pragma)
        except BaseException:
            conn.close()
            raise
        return conn

    def _claim(self, conn: sqlite3.Connection) -> int:
        """What another database has left here, one that was deleted or replaced, is not ours. Returns the last row."""
        conn.execute("BEGIN IMMEDIATE")
        if conn.execute(_ORIGIN).fetchall() != [(self._key,)]:
            conn.execute("DELETE FROM inbox")
            conn.execute("DELETE FROM origin")
            conn.execute("INSERT INTO origin (key) VALUES (?)", (self._key,))
        last: int = conn.execute(_LAST).fetchone()[0]
        conn.execute("COMMIT")
        return last

    def _checkpoint(self, conn: sqlite3.Connection) -> None:
        """Bring the journal in while others put on; what came meanwhile is little, and so is the wait for that.

        SQLite waits for the disk only where it has brought in all, which is while nobody puts: so the most goes before.
        """
        conn.execute("PRAGMA wal_checkpoint(PASSIVE)")
        if self._file is None:  # closed last: with it go the locks of this process on the file
            self._file = os.open(self._path, os.O_RDWR)
        _sync(self._file)
        with self._alone:
            conn.execute("PRAGMA wal_checkpoint(PASSIVE)")
            pages = conn.execute("PRAGMA page_count").fetchone()[0]
            if pages > KEPT_PAGES and conn.execute(_LAST).fetchone()[0] == 0:
                conn.execute("VACUUM")

    def _give_up(self, conn: sqlite3.Connection | None) -> None:
        if conn is not None and conn.in_transaction:
            with suppress(sqlite3.OperationalError):
                conn.execute("ROLLBACK")


def _shrink(conn: sqlite3.Connection) -> None:
    """Where nothing waits, nothing of what did is left behind."""
    with suppress(sqlite3.DatabaseError):
        if conn.execute(_LAST).fetchone()[0] == 0:
            conn.execute("VACUUM")


def waiting(db: str, filed: int) -> int:
    """How many events are above `filed`, for whoever only looks."""
    found: int = _look(db, _WAITING, filed) or 0
    return found


def origin(db: str) -> bytes | None:
    """The key of the database to which what waits beside `db` belongs; None where nothing waits."""
    found: bytes | None = _look(db, _ORIGIN) if _look(db, _LAST) else None
    return found


def first(db: str) -> int | None:
    """The number of the oldest row that lies beside `db`."""
    found: int | None = _look(db, _FIRST)
    return found


def copy(db: str, kept: str) -> None:
    """What waits beside `db`, on disk beside `kept` too; nobody may put or file meanwhile. Raises FootfallError.

    A link would not do: what the next database clears away here would be gone there.
    """
    if _look(db, _ANY) == 0:
        return
    made: list[str] = []
    try:
        for side in (f"{SUFFIX}-wal", SUFFIX):
            with suppress(FileNotFoundError), open(f"{os.path.realpath(db)}{side}", "rb") as source:
                descriptor = os.open(kept + side, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                made.append(kept + side)
                with open(descriptor, "wb") as target:
                    give(descriptor, source.fileno())
                    shutil.copyfileobj(source, target)
                    target.flush()
                    os.fsync(descriptor)
    except OSError as error:
        for path in made:
            os.unlink(path)
        raise FootfallError(f"cannot keep what waits beside {db}: {error.strerror}") from error


def drop(db: str) -> None:
    """Take away what lies beside `db`. The journal first: it must not be played into the next file of that name."""
    for side in reversed(SIDE_FILES):
        with suppress(FileNotFoundError):
            os.unlink(os.path.realpath(db) + side)


def _look(db: str, question: str, *parameters: int) -> Any:
    path = f"{os.path.realpath(db)}{SUFFIX}"
    if not os.path.exists(path):
        return None
    with suppress(sqlite3.DatabaseError), closing(_connect(path, "ro")) as conn:
        row = conn.execute(question, parameters).fetchone()
        return row[0] if row else None
    return None


def _connect(path: str, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(path)}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False)
