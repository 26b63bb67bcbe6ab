"""One collector to a file: a lock beside the database, which the kernel takes back when its processes have ended.

What enters: the database's path. What leaves: the lock, or a plain word on who has it. Only collectors and `restore`
take it: commands that write for a moment go on beside a running collector, SQLite's own locks keep them apart.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

import msgspec
from msgspec import Struct

from collector.errors import FootfallError, NotFound
from collector.store.sqlite.owning import give

SUFFIX = "-lock"
# A collector that was killed leaves a process that still writes what had reached it.
FINISHING_S_MAX = 30.0
# Whoever only looks who is there holds the lock for an instant.
LOOKING_S_MAX = 0.2
RETRY_S = 0.02


class Holder(Struct, frozen=True):
    """Who holds a lock, as they wrote it there; 0 and '' where they have not yet. `url`: where it listens;
    `public_url`: where browsers reach it."""

    pid: int = 0
    url: str = ""
    public_url: str = ""


class Lock:
    """Held until it is closed here and in every process that was given its descriptor."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.tell()

    def tell(self, url: str = "", public_url: str = "") -> None:
        """Write down who holds it, for whoever asks."""
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, msgspec.json.encode(Holder(os.getpid(), url, public_url)), 0)

    def __enter__(self) -> Lock:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        os.close(self.descriptor)


def take(db: str, doing: str, sleep: Callable[[float], None] = time.sleep) -> Lock:
    """The lock of this database. Raises FootfallError where a collector runs on it; `doing` is what cannot be done.

    Waits for what a collector that was killed has left behind.
    """
    descriptor = _open(db)
    try:
        waited_s = 0.0
        while not _locked(descriptor, fcntl.LOCK_EX):
            holder = _read(descriptor)
            if waited_s >= (LOOKING_S_MAX if _alive(holder.pid) else FINISHING_S_MAX):
                raise FootfallError(f"cannot {doing}: {_named(holder)} runs on {db} already")
            sleep(RETRY_S)
            waited_s += RETRY_S
        return Lock(descriptor)
    except BaseException:
        os.close(descriptor)
        raise


def is_new(db: str) -> bool:
    """Whether nobody has ever taken it: who does so makes a file that stays, even where the database is none."""
    return not os.path.exists(_path(db))


def holder(db: str) -> Holder | None:
    """Who runs on this database now; None: nobody."""
    try:
        descriptor = os.open(_path(db), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        return None if _locked(descriptor, fcntl.LOCK_SH) else _read(descriptor)
    finally:
        os.close(descriptor)


def _path(db: str) -> str:
    """Beside the file itself, by whatever link it was named."""
    return os.path.realpath(db) + SUFFIX


def _open(db: str) -> int:
    """The lock's file is never removed: who waits for it must not wait for another one than the next comer."""
    try:
        descriptor = os.open(_path(db), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        give(descriptor, os.path.realpath(db))
        return descriptor
    except FileNotFoundError as error:
        raise NotFound(f"there is no directory {os.path.dirname(_path(db))}") from error
    except OSError as error:
        raise FootfallError(f"cannot open {_path(db)}: {error.strerror}") from error


def _locked(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(descriptor: int) -> Holder:
    with suppress(msgspec.DecodeError):
        return msgspec.json.decode(os.pread(descriptor, 4_096, 0), type=Holder)
    return Holder()


def _alive(pid: int) -> bool:
    """Whether the process that took the lock is still there; one of another user is."""
    if not pid:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _named(holder: Holder) -> str:
    return f"a collector (process {holder.pid})" if holder.pid else "a collector"
