"""A copy of a database while others write to it: the file as it was at one moment, whole or not at all.

What enters: a reading connection and where the copy goes. What leaves: a file under a temporary name, on disk; then,
when whoever asked for it is content, under its own. It knows nothing of what the file holds.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from collector import spoken
from collector.errors import FootfallError, NotFound
from collector.store.sqlite.owning import give
from collector.store.sqlite.soundness import size

PAGES_A_STEP = 1_024
# Written out as it goes: a disk with much unwritten would make the collector's own fsync wait.
SYNC_BYTES = 32 * 1024 * 1024
WAL_GROWTH_MIN = 1024 * 1024 * 1024
# Stays free beside a copy, and beside a WAL that grows meanwhile.
ROOM_BYTES_MIN = 64 * 1024 * 1024
SIDE_FILES = ("-wal", "-shm", "-journal")

Progress = Callable[[int, int], object]


class Part:
    """The file under its temporary name, open and locked for as long as it is being made."""

    def __init__(self, path: str, descriptor: int) -> None:
        self.path, self._descriptor = path, descriptor
        self.named = False

    def sync(self) -> None:
        os.fsync(self._descriptor)

    def give_to(self, like: str) -> None:
        """Where root restores, the file is the collector's all the same: the owner's of `like`, or of its folder."""
        give(self._descriptor, like)


@contextmanager
def part_of(file: str, suffix: str) -> Iterator[Part]:
    """A new file beside `file`, readable by its owner alone; gone at the end, unless it got another name.

    Raises NotFound where there is no such folder, FootfallError where another process makes the same one.
    """
    path = file + suffix
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except FileNotFoundError as error:
        raise NotFound(f"there is no directory {os.path.dirname(path)}") from error
    except OSError as error:
        raise FootfallError(f"cannot write {path}: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FootfallError(f"{path} is being written by another process") from error
        part = Part(path, descriptor)
        try:
            os.fchmod(descriptor, 0o600)
            os.ftruncate(descriptor, 0)
            yield part
        finally:
            # Once it has its own name, what bears the temporary one may be the next comer's.
            if not part.named:
                for leftover in (path, *(path + side for side in SIDE_FILES)):
                    Path(leftover).unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def copy(source: sqlite3.Connection, db: str, part: Part, on_progress: Progress) -> None:
    """Copy the database `db`, open as `source`, as it is now into `part`. Raises FootfallError where it cannot be done.

    One read transaction of a connection that only reads, hence:
    - The writer never waits: in WAL mode a reader blocks nobody. A copy made by the writer itself would need no
      snapshot, but a slow disk under the copy would hold up every commit.
    - While the snapshot is held the WAL cannot be cut. Copying pages is the quickest way to be done with it (`VACUUM
      INTO` makes every index anew), and where the WAL passes a bound meanwhile, the copy gives up.
    - What was erased stays erased: the writer overwrites what it deletes, and pages are copied as they are.
    """
    with closing(sqlite3.connect(part.path, isolation_level=None)) as target:
        # Nobody reads a half copy: it needs no journal of its own, and is brought to disk by `part.sync`.
        target.execute("PRAGMA journal_mode = OFF")
        target.execute("PRAGMA synchronous = OFF")
        try:
            source.execute("BEGIN")
            total = size(source)
            refuse_without_room(os.path.dirname(os.path.abspath(part.path)), total)
            watch = _Watch(db, part, total, on_progress)
            source.backup(target, pages=PAGES_A_STEP, progress=watch)
        except sqlite3.DatabaseError as error:
            raise FootfallError(f"the copy failed: {error}") from error
        finally:
            if source.in_transaction:
                source.execute("ROLLBACK")
        # In WAL mode, as its source is, it could not be read from a folder that cannot be written.
        target.execute("PRAGMA journal_mode = DELETE")


class _Watch:
    """Called after each step: tells how far it is, brings it to disk, and keeps the WAL within bounds."""

    def __init__(self, db: str, part: Part, total: int, on_progress: Progress) -> None:
        self._wal, self._folder = f"{os.path.realpath(db)}-wal", os.path.dirname(os.path.realpath(db))
        self._part, self._total, self._on_progress = part, total, on_progress
        self._growth_max = max(WAL_GROWTH_MIN, total // 2)
        self._wal_before = file_bytes(self._wal)
        self._synced = 0

    def __call__(self, status: int, remaining: int, pages: int) -> None:
        done = self._total * (pages - remaining) // max(pages, 1)
        self._on_progress(done, self._total)
        if done - self._synced >= SYNC_BYTES:
            self._part.sync()
            self._synced = done
        grown = file_bytes(self._wal) - self._wal_before
        if grown > self._growth_max:
            raise FootfallError(f"the collector wrote {spoken.size(grown)} meanwhile; try again when it has less to do")
        if grown > 0 and shutil.disk_usage(self._folder).free < ROOM_BYTES_MIN:
            raise FootfallError("the collector's disk is filling up; the copy was given up to make room")


def refuse_without_room(folder: str, wanted: int) -> None:
    """Raises FootfallError where the folder's disk cannot take so many bytes more."""
    free = shutil.disk_usage(folder).free
    if free < wanted + ROOM_BYTES_MIN:
        raise FootfallError(f"{folder} has {spoken.size(free)} free; this needs {spoken.size(wanted + ROOM_BYTES_MIN)}")


def put(part: Part, file: str, *, replace: bool) -> None:
    """Give the finished file its name, on disk when it returns. Raises FootfallError where the name is taken."""
    part.sync()
    if replace:
        os.replace(part.path, file)
    else:
        _rename(part.path, file)
    part.named = True
    sync_folder(file)


def _rename(part: str, file: str) -> None:
    """A link never takes the place of what came there meanwhile, as a rename would; not all file systems have them."""
    try:
        os.link(part, file)
        os.unlink(part)
    except FileExistsError as error:
        raise FootfallError(f"{file} has come to be meanwhile; it was left alone") from error
    except OSError:
        if os.path.lexists(file):
            raise FootfallError(f"{file} has come to be meanwhile; it was left alone") from None
        os.rename(part, file)


def sync_folder(file: str) -> None:
    """Bring names to disk."""
    descriptor = os.open(os.path.dirname(os.path.abspath(file)), os.O_RDONLY | os.O_DIRECTORY)
    try:
        # Some network file systems cannot, and need not.
        with suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def file_bytes(path: str) -> int:
    """How large a file is; 0 where there is none."""
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0
