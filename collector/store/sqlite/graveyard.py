"""The file of tombstones beside the database: what a backup of an older day does not know.

What enters: erasures, each on disk before the database's own commit. What leaves: all of them, for `restore`. The file
holds keyed hashes and their key: with it one can tell whether a known person was erased, never whom.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import msgspec
from msgspec import Struct

from collector.errors import Misuse, NotFound, Unavailable
from collector.store.sqlite.copying import sync_folder
from collector.store.sqlite.owning import give

SUFFIX = "-tombstones"


class Erasure(Struct, frozen=True):
    """One erasure: its time, the receipt's hash, and [hash, from, to] of each id."""

    time: int
    erased: str
    tombstones: list[tuple[int, int, int]]


class Graveyard(Struct, frozen=True):
    """What such a file holds."""

    key: bytes
    erasures: list[Erasure]


class _Head(Struct, frozen=True, tag_field="footfall", tag="tombstones"):
    key: str


Bury = Callable[[Erasure], None]


def beside(db: str) -> str:
    """The path of a database's file."""
    return os.path.realpath(db) + SUFFIX


def read(path: str) -> Graveyard:
    """Raises NotFound, and Misuse where it is no such file. A last line that was cut off was never acknowledged."""
    try:
        with open(path, "rb") as file:
            head, *lines = file.read().split(b"\n")
    except FileNotFoundError as error:
        raise NotFound(f"there is no file {path}") from error
    except OSError as error:
        raise Misuse(f"cannot read {path}: {error.strerror}") from error
    try:
        key = bytes.fromhex(msgspec.json.decode(head, type=_Head).key)
        erasures = [msgspec.json.decode(line, type=Erasure) for line in lines[:-1]]
    except (msgspec.DecodeError, ValueError) as error:
        raise Misuse(f"{path} is no file of tombstones: {error}") from error
    return Graveyard(key, erasures)


def write(path: str, yard: Graveyard) -> None:
    """Make the file anew, whole or not at all. Another database's is put aside."""
    if os.path.exists(path) and not _is_of(path, yard.key):
        os.replace(path, f"{path}.of-another")
    part = f"{path}.part"
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        give(descriptor, path.removesuffix(SUFFIX))
        _put(descriptor, _head(yard.key) + b"".join(map(_line, yard.erasures)))
    finally:
        os.close(descriptor)
    os.replace(part, path)
    sync_folder(path)


@contextmanager
def burying(db: str, key: bytes, before: Callable[[], list[Erasure]]) -> Iterator[Bury]:
    """Gives what adds an erasure to the file; where the block fails, what was added is taken back.

    `before` tells the erasures to begin a new file with. Raises Unavailable where the file cannot be written.
    """
    path = beside(db)
    buried_at: list[int] = []

    def bury(erasure: Erasure) -> None:
        try:
            if not os.path.exists(path) or not _is_of(path, key):
                write(path, Graveyard(key, before()))
            buried_at.append(_whole(path))
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
            try:
                give(descriptor, path.removesuffix(SUFFIX))
                _put(descriptor, _line(erasure))
            finally:
                os.close(descriptor)
        except OSError as error:
            raise Unavailable(f"{path} cannot be written: {error.strerror}") from error

    try:
        yield bury
    except BaseException:
        if buried_at:
            with suppress(OSError):
                os.truncate(path, buried_at[0])
        raise


def _is_of(path: str, key: bytes) -> bool:
    with open(path, "rb") as file:
        return file.readline() == _head(key)


def _put(descriptor: int, written: bytes) -> None:
    while written:
        written = written[os.write(descriptor, written) :]
    os.fsync(descriptor)


def _head(key: bytes) -> bytes:
    return msgspec.json.encode(_Head(key.hex())) + b"\n"


def _line(erasure: Erasure) -> bytes:
    return msgspec.json.encode(erasure) + b"\n"


def _whole(path: str) -> int:
    """The file's size, once what a sudden end cut off is gone from it."""
    with open(path, "rb+") as file:
        size = file.read().rfind(b"\n") + 1
        file.truncate(size)
    return size
