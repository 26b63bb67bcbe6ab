"""Opening a database file: pragmas for durability and erasure, and the numbered migrations.

What enters: a path. What leaves: a connection in autocommit mode, its schema up to date.
It knows nothing of events; what is in the tables is its neighbours' affair.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from functools import cache
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

from collector.errors import Misuse, NotFound

BUSY_MS_MAX = 10_000
SQLITE_MIN = (3, 38)  # JSON, its arrows and STRICT tables
# The WAL is brought into the file when it has grown to this, between commits that somebody waits for; or, where that
# does not happen, in one of them. Rarely, since a page that changed often is then written once; but what is in it is
# read again after a crash.
CHECKPOINT_PAGES = 2_000
CHECKPOINT_AT_LAST_PAGES = 3_000
# Of SQLite's result codes: the low byte is the kind, what is above it the detail.
_PRIMARY_CODE = 0xFF
_BROKEN = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
# Of these tables every schema has all. A version alone says little: many programs count theirs from 1.
TABLES_OF_OURS = 4
OURS = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN ('meta', 'sites', 'events', 'persons')"
# In one statement: another process may be bringing a new file up to date.
_WHOSE = f"SELECT user_version, (SELECT count(*) FROM sqlite_schema), ({OURS}) FROM pragma_user_version"

# FULL: a commit is on disk when it returns. secure_delete: what is erased is overwritten, not only unlinked.
# journal_size_limit: whoever reads for long, as a backup does, makes the WAL grow; afterwards it is cut again.
# trusted_schema: a restored backup may come from anywhere, its schema must not call functions on its own.
PRAGMAS_OF_WRITERS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA secure_delete = ON",
    "PRAGMA journal_size_limit = 67108864",
    f"PRAGMA wal_autocheckpoint = {CHECKPOINT_AT_LAST_PAGES}",
    "PRAGMA foreign_keys = OFF",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -2048",
)
# sqlite3 asks of each None and each bytes how it is to be adapted, and takes longer to learn that it is not.
sqlite3.register_adapter(type(None), {None: None}.get)
sqlite3.register_adapter(bytes, bytes)
PRAGMAS_OF_READERS = (
    "PRAGMA query_only = ON",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -256",
)


def connect(path: str, *, create: bool, read_only: bool = False, busy_ms: int = BUSY_MS_MAX) -> sqlite3.Connection:
    """Open `path`; may be used from any thread, by one at a time. Writers bring the schema up to date first.

    `busy_ms`: how long it waits for a lock of somebody else's.
    Raises NotFound where there is no file and `create` is false, Misuse where the file is not one of ours.
    """
    if sqlite3.sqlite_version_info < SQLITE_MIN:
        raise Misuse(
            f"Python's SQLite is {sqlite3.sqlite_version}; Footfall needs {'.'.join(map(str, SQLITE_MIN))} or newer"
        )
    if os.path.isdir(path):
        raise Misuse(f"{path} is a directory; name the database in it")
    if not os.path.exists(path):
        if not create or read_only:
            raise NotFound(f"there is no database at {path}")
        _create(path)
    mode = "ro" if read_only else "rw"
    try:
        conn = sqlite3.connect(
            f"file:{quote(path)}?mode={mode}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=busy_ms / 1_000,
            cached_statements=512,
        )
    except sqlite3.OperationalError as error:
        if kind_of(error) != sqlite3.SQLITE_CANTOPEN:
            raise  # the disk fails: not a question of which file was named
        raise Misuse(f"cannot open {path}: {error}") from error
    try:
        if not read_only:
            refuse_strangers(conn, path)  # first: the pragmas write to the file
        for pragma in PRAGMAS_OF_READERS if read_only else PRAGMAS_OF_WRITERS:
            conn.execute(pragma)
        if not read_only:
            migrate(conn, path)
    except BaseException as error:
        conn.close()
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
            raise Misuse(f"{path} is not a Footfall database: {error}") from error
        raise
    return conn


def refuse_file(path: str) -> None:
    """Raises Misuse where there is something at `path` that is not ours; what fails otherwise, opening it tells."""
    if os.path.isdir(path):
        raise Misuse(f"{path} is a directory; name the database in it")
    if not os.path.exists(path):
        return
    try:
        with closing(sqlite3.connect(f"file:{quote(path)}?mode=rw", uri=True, isolation_level=None)) as conn:
            refuse_strangers(conn, path)
    except sqlite3.OperationalError:
        return
    except sqlite3.DatabaseError as error:
        raise Misuse(f"{path} is not a Footfall database: {error}") from error


def migrate(conn: sqlite3.Connection, path: str) -> None:
    """Apply what is missing, each migration in one transaction with its number in `user_version`.

    Two processes may open a new file at once: the version is read again under the lock.
    """
    if schema_version(conn) == newest_schema():
        return
    # What must be sorted of a large database has no room in memory.
    conn.execute("PRAGMA temp_store = FILE")
    for number, script in migrations().items():
        conn.execute("BEGIN IMMEDIATE")
        try:
            refuse_strangers(conn, path)
            if schema_version(conn) < number:
                for statement in _statements(script):
                    conn.execute(statement)
                conn.execute(f"PRAGMA user_version = {number}")
            conn.execute("COMMIT")
        except BaseException:
            conn.execute("ROLLBACK")
            raise
    conn.execute("PRAGMA temp_store = MEMORY")


def is_the_files(error: BaseException) -> bool:
    """Whether it is the file or its disk that fails, and not what was asked: locked, full, broken, gone."""
    if not isinstance(error, sqlite3.DatabaseError):
        return False
    kind = kind_of(error)
    return kind in _BROKEN or (isinstance(error, sqlite3.OperationalError) and kind != sqlite3.SQLITE_ERROR)


def kind_of(error: sqlite3.DatabaseError) -> int:
    """SQLite's result code, without the detail."""
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)) & _PRIMARY_CODE


def schema_version(conn: sqlite3.Connection) -> int:
    """The number of the last migration that the file has seen; 0 where it is new, or another program's."""
    version: int = conn.execute("PRAGMA user_version").fetchone()[0]
    return version


def newest_schema() -> int:
    """The schema that this Footfall writes."""
    return max(migrations())


def refuse_strangers(conn: sqlite3.Connection, path: str) -> None:
    """Raises Misuse where the file is another program's, or a newer Footfall's."""
    (version, objects, ours), newest = conn.execute(_WHOSE).fetchone(), newest_schema()
    if (objects or version) and ours != TABLES_OF_OURS:
        raise Misuse(f"{path} is another program's database")
    if version > newest:
        raise Misuse(f"{path} was written by a newer Footfall (schema {version}; this one knows {newest})")
    if version == 0 and objects:
        raise Misuse(f"{path} is another program's database")


def _create(path: str) -> None:
    """The file, readable by its owner alone; SQLite gives its journals the same mode."""
    parent = Path(path).parent
    if not parent.is_dir():
        raise NotFound(f"there is no directory {parent}")
    try:
        # Not one that somebody else has just made; a link may lead to where there is none yet.
        with suppress(FileExistsError):
            os.close(os.open(os.path.realpath(path), os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except OSError as error:
        raise Misuse(f"cannot create {path}: {error.strerror}") from error


@cache
def migrations() -> dict[int, str]:
    """The scripts NNNN_*.sql by their numbers, in order. A number may be missing, and none may come twice."""
    folder = files(__package__) / "migrations"
    found = sorted((f for f in folder.iterdir() if re.match(r"\d{4}_.*\.sql$", f.name)), key=lambda f: f.name)
    scripts = {int(script.name[:4]): script.read_text(encoding="utf-8") for script in found}
    assert len(scripts) == len(found), "two migrations have the same number"
    return scripts


def _statements(script: str) -> Iterator[str]:
    """`executescript` would commit first; statements one by one stay inside the transaction."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
