"""Restoring: a backup takes the place of the database, or nothing changes.

What enters: a backup, the database's path. What leaves: the database as it was then, brought up to date, and what was
there before under another name. Everything is done to a copy beside it, which takes its place in one step at the end.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from msgspec import Struct

from collector.errors import FootfallError, Misuse, NotFound
from collector.store.scrubbing import scrub
from collector.store.sqlite import graveyard, inbox
from collector.store.sqlite.audit import AuditLog
from collector.store.sqlite.backup import checked, open_alone
from collector.store.sqlite.copying import Part, Progress, copy, part_of, put, sync_folder
from collector.store.sqlite.graveyard import Graveyard
from collector.store.sqlite.lock import take
from collector.store.sqlite.soundness import Contents, faults, must_be_ours
from collector.store.sqlite.store import SqliteStore

OPEN_WITHIN_S = 2.0
MOVED_ALONG = ("-wal", "-journal")

_NUMBERS = "SELECT name, seq FROM sqlite_sequence"
_RAISE_NUMBER = "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?"
_ADD_NUMBER = """
INSERT INTO sqlite_sequence (name, seq) SELECT ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = ?1)
"""
_REVISION = "SELECT value FROM meta WHERE key = 'rev'"
_RAISE_REVISION = """
INSERT INTO meta (key, value) VALUES ('rev', ?1) ON CONFLICT (key) DO UPDATE SET value = max(value, ?1)
"""
_REVOKED = "SELECT revoked, hash FROM tokens WHERE revoked IS NOT NULL"
_REVOKE = "UPDATE tokens SET revoked = ? WHERE hash = ? AND revoked IS NULL"
_USERS = "SELECT name, role, password, created FROM users"
_PUT_USER = "INSERT INTO users (name, role, password, created) VALUES (?, ?, ?, ?)"
_DEEDS = "SELECT id, time, last, n, kind, who, act, subject, hashed FROM audit"
_PUT_DEED = """
INSERT OR REPLACE INTO audit (id, time, last, n, kind, who, act, subject, hashed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
# Made with the file, and copied with it.
_LINEAGE = "SELECT value FROM meta WHERE key = 'erasure_key'"
_INBOX = """
SELECT value, (SELECT coalesce(max(value), 0) FROM meta WHERE key = 'filed') FROM meta WHERE key = 'inbox_key'
"""
_NEW_INBOX = "UPDATE meta SET value = ? WHERE key = 'inbox_key'"

_TOMBSTONES = "SELECT hash, from_time, to_time FROM tombstones"


class Restored(Struct, frozen=True, kw_only=True):
    """`held`: what the backup holds; `kept`: where the former database is now; `erased_again`: how many of its events
    were of people who were erased after it was made, and are gone again; `taken_in`: how many calls waited beside a
    database that is lost, and are filed into this one."""

    held: Contents
    kept: str | None
    erased_again: int
    taken_in: int


def known_tombstones(file: str, db: str, given: str | None) -> Graveyard:
    """Who was erased since the backup `file` was made: by the file that is given, the one beside `db`, or `db` itself.

    Raises Misuse where none of them can say.
    """
    lineage = _lineage(file)
    beside = graveyard.beside(db)
    found = [graveyard.read(path) for path in (given, beside) if path and (path == given or os.path.exists(path))]
    if given and found[0].key != lineage:
        raise Misuse(f"{given} belongs to another database than {file}")
    found = [yard for yard in found if yard.key == lineage]
    if former := _of_former(db, lineage):
        found.append(former)
    if not found:
        raise Misuse(
            f"nobody says who was erased since {file} was made: give --tombstones FILE (it lies beside the database, "
            f"{os.path.basename(beside)}), or --without-tombstones if nobody was"
        )
    known = {(one.time, one.erased): one for yard in found for one in yard.erasures if one.erased}
    nameless = [one for yard in found for one in yard.erasures if not one.erased]
    return Graveyard(lineage, [*nameless, *known.values()])


def restore(
    file: str, db: str, *, force: bool, at: int, on_progress: Progress, tombstones: Graveyard | None = None
) -> Restored:
    """Put the backup `file` in the place of `db`; `force` where there is a database already, which is kept.

    Whoever is in `tombstones` stays erased. Raises Misuse or NotFound where that makes no sense, FootfallError where it
    fails; then nothing has changed.
    """
    refuse(file, db, force=force)
    with take(db, "restore"), part_of(os.path.realpath(db), ".restoring") as part:
        with closing(open_alone(file)) as source:
            must_be_ours(source, file)
            copy(source, file, part, on_progress)
        held = checked(part.path, file, deep=True)
        lost = _is_lost(db)
        erased_again = _amend(part, db, tombstones)
        if not lost:
            _disown_what_waits(part)
        part.give_to(os.path.realpath(db))
        if tombstones:
            graveyard.write(graveyard.beside(db), tombstones)
        kept, taken_in = _replace(os.path.realpath(db), part, at, lost=lost)
        return Restored(held=held, kept=kept, erased_again=erased_again, taken_in=taken_in)


def refuse(file: str, db: str, *, force: bool) -> None:
    if not os.path.isfile(file):
        raise NotFound(f"there is no file {file}")
    if os.path.exists(db) and os.path.samefile(file, db):
        raise Misuse(f"{file} is the database itself")
    if os.path.lexists(db) and not force:
        raise Misuse(f"there is a database at {db}; --force puts the backup in its place and keeps it beside")
    with closing(open_alone(file)) as source:
        must_be_ours(source, file)


def _lineage(file: str) -> bytes:
    with closing(open_alone(file)) as source:
        must_be_ours(source, file)
        row = source.execute(_LINEAGE).fetchone()
        return row[0] if row else b""


def _of_former(db: str, lineage: bytes) -> Graveyard | None:
    """What the database that is to be replaced knows itself, where it can be read and is of the same descent."""
    if not os.path.exists(db):
        return None
    try:
        with closing(sqlite3.connect(f"file:{quote(db)}?mode=ro", uri=True, timeout=OPEN_WITHIN_S)) as former:
            must_be_ours(former, db)
            if former.execute(_LINEAGE).fetchone() != (lineage,):
                return None
            known = former.execute(_TOMBSTONES).fetchall()
            return Graveyard(lineage, [graveyard.Erasure(0, "", known)] if known else [])
    except (sqlite3.Error, Misuse):
        return None


def _amend(part: Part, db: str, tombstones: Graveyard | None) -> int:
    """What a copy from the past must be told before it takes the place; how many events were erased again."""
    with closing(SqliteStore.open(part.path, create=False)) as store:
        erased_again = store.erase_again(tombstones.erasures) if tombstones else 0
        scrub(store)
    with closing(sqlite3.connect(part.path, isolation_level=None)) as copied:
        copied.execute("PRAGMA secure_delete = ON")
        copied.execute("BEGIN IMMEDIATE")
        _sign_everybody_out(copied)
        _carry_over(copied, db)
        copied.execute("COMMIT")
    return erased_again


def _sign_everybody_out(copied: sqlite3.Connection) -> None:
    """Who has signed out since would be signed in again."""
    for table in ("sessions", "signin_links"):
        copied.execute(f"DELETE FROM {table}")


def _carry_over(copied: sqlite3.Connection, db: str) -> None:
    """From the former database, where it can be read: numbers never come twice, what was revoked stays so.

    An analyst who goes on from a cursor of before the restore thereby misses nothing that comes after it.
    """
    if not os.path.exists(db):
        return
    try:
        with closing(sqlite3.connect(f"file:{quote(db)}?mode=ro", uri=True, timeout=OPEN_WITHIN_S)) as former:
            must_be_ours(former, db)
            for name, number in former.execute(_NUMBERS):
                copied.execute(_RAISE_NUMBER, (number, name))
                copied.execute(_ADD_NUMBER, (name, number))
            for (revision,) in former.execute(_REVISION):
                copied.execute(_RAISE_REVISION, (revision,))
            copied.executemany(_REVOKE, former.execute(_REVOKED))
            if former.execute(_LINEAGE).fetchall() == copied.execute(_LINEAGE).fetchall():
                _carry_staff_over(copied, former)
    except (sqlite3.Error, Misuse):
        return


def _carry_staff_over(copied: sqlite3.Connection, former: sqlite3.Connection) -> None:
    """Who was removed since, or has another password, stays so; what was done since is not forgotten."""
    users, deeds = former.execute(_USERS).fetchall(), former.execute(_DEEDS).fetchall()
    copied.execute("DELETE FROM users")
    copied.executemany(_PUT_USER, users)
    copied.executemany(_PUT_DEED, deeds)
    (key,) = copied.execute(_LINEAGE).fetchone()
    AuditLog(copied, key).forget_absent()


def _is_lost(db: str) -> bool:
    """Whether what waits beside `db` is all that is left: there is no such database, or a damaged one."""
    if not os.path.exists(db):
        return True
    if inbox.origin(db) is None:
        return False
    try:
        with closing(sqlite3.connect(f"file:{quote(db)}?mode=ro", uri=True, timeout=OPEN_WITHIN_S)) as former:
            return bool(faults(former, deep=False))
    except sqlite3.Error:
        return True


def _disown_what_waits(part: Part) -> None:
    """What waits is the former database's: under a new key it is no more this one's, whenever we may be killed."""
    with closing(sqlite3.connect(part.path, isolation_level=None)) as restored:
        restored.execute(_NEW_INBOX, (secrets.token_bytes(16),))


def _replace(db: str, part: Part, at: int, *, lost: bool) -> tuple[str | None, int]:
    """In this order: the former WAL must be gone before the new file has the name, or SQLite would play it into it.

    Returns where the former database is, and how many calls wait for the restored one.
    """
    kept = f"{db}.before-restore-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(at / 1_000))}"
    waits = _waiting_for(part, db) if lost else None
    if not os.path.exists(db):
        _move_along(db, kept, MOVED_ALONG if waits is not None else (*MOVED_ALONG, *inbox.SIDE_FILES))
        put(part, db, replace=False)
        return None, waits or 0
    with _nobody_in(db):
        if os.path.lexists(kept):
            raise FootfallError(f"{kept} is there already")
        if waits is None:
            inbox.copy(db, kept)
        _move_along(db, kept, MOVED_ALONG)
        _link_or_rename(db, kept)
        put(part, db, replace=True)
        if waits is None:
            inbox.drop(db)
    return kept, waits or 0


@contextmanager
def _nobody_in(db: str) -> Iterator[None]:
    """The former database to ourselves, its WAL played into it. One that is too broken for that stays as it is."""
    conn = sqlite3.connect(f"file:{quote(db)}?mode=rw", uri=True, isolation_level=None, timeout=OPEN_WITHIN_S)
    try:
        # Leaving WAL mode needs to be alone with the file: it fails where any other connection is open.
        conn.execute("PRAGMA journal_mode = DELETE")
        conn.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        conn.close()
        raise FootfallError(f"cannot restore: {db} is in use, or its disk fails ({error})") from error
    except sqlite3.DatabaseError:
        pass
    try:
        yield
    finally:
        conn.close()


def _waiting_for(part: Part, db: str) -> int | None:
    """How many calls wait beside `db` for the restored database; None where that would not file them.

    They are another's, or it has come further already and would take them for filed.
    """
    waits_for, oldest = inbox.origin(db), inbox.first(db)
    if waits_for is None or oldest is None:
        return 0
    with closing(open_alone(part.path)) as restored:
        row = restored.execute(_INBOX).fetchone()
    if row is None or row[0] != waits_for or oldest <= row[1]:
        return None
    return inbox.waiting(db, row[1])


def _move_along(db: str, kept: str, sides: tuple[str, ...]) -> None:
    """Side files that were left by a broken or a deleted database."""
    for side in sides:
        with suppress(FileNotFoundError):
            os.rename(db + side, kept + side)
    Path(f"{db}-shm").unlink(missing_ok=True)


def _link_or_rename(db: str, kept: str) -> None:
    """With links there is at no moment no database; not all file systems have them."""
    try:
        os.link(db, kept)
    except FileExistsError as error:
        raise FootfallError(f"{kept} is there already") from error
    except OSError:
        os.rename(db, kept)
    sync_folder(db)
