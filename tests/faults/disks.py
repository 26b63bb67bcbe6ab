"""Disks for tests: small ones that can be filled and made read-only, and one that fails when it is told to.

What enters: a folder. What leaves: a real tmpfs of a few megabytes, mounted there (as root); or the environment of a
process for which reading, writing or syncing the database ends with a real errno.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

_MOUNT = ("mount", "-t", "tmpfs", "-o", "size=8m", "footfall-test")
SOURCE = Path(__file__).with_name("failing_disk.c")


class SmallDisk:
    """A mounted tmpfs."""

    environ: dict[str, str] = {}

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self) -> None:
        """Take all the room that there is."""
        with (self.folder / "ballast").open("wb", buffering=0) as ballast:
            piece = 1 << 20
            while piece:
                try:
                    ballast.write(b"\0" * piece)
                except OSError:
                    piece //= 2

    def make_room(self) -> None:
        (self.folder / "ballast").unlink()

    def make_read_only(self) -> None:
        """As soon as nobody writes there any more: what a killed collector has left behind ends by itself."""
        deadline_s = time.monotonic() + 20
        command = ("mount", "-o", "remount,ro", str(self.folder))
        while subprocess.run(command, capture_output=True, check=False).returncode:
            if time.monotonic() > deadline_s:
                _run(*command)
                return
            time.sleep(0.02)

    def make_writable(self) -> None:
        _run("mount", "-o", "remount,rw", str(self.folder))


def can_mount() -> bool:
    """Whether this user may mount; where not, the errors of a mounted disk come from a failing one."""
    with TemporaryDirectory() as folder:
        done = subprocess.run([*_MOUNT, folder], capture_output=True, check=False)
        return done.returncode == 0 and subprocess.run(["umount", folder], check=False).returncode == 0


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    """Mounted for as long as the context lasts."""
    folder.mkdir()
    _run(*_MOUNT, str(folder))
    try:
        yield SmallDisk(folder)
    finally:
        _run("umount", "--lazy", str(folder))


class FailingDisk:
    """Processes started with `environ` see the database's files fail as `fail` says, from then on at once."""

    def __init__(self, folder: Path, library: Path) -> None:
        self._switch = folder / "switch"
        self._switch.write_bytes(bytes(4))
        self.environ = {"LD_PRELOAD": str(library), "FAULT_SWITCH": str(self._switch), "FAULT_PATH": ".db"}

    def fail(self, *, writing: int = 0, syncing: int = 0, reading: int = 0, torn: bool = False) -> None:
        """The errno that each ends with; 0: it works. `torn`: half of what is written gets there."""
        with self._switch.open("r+b") as switch:
            switch.write(bytes([writing, syncing, reading, torn]))

    def heal(self) -> None:
        self.fail()

    # The same words as a small disk's.

    def fill(self) -> None:
        self.fail(writing=errno.ENOSPC)

    def make_read_only(self) -> None:
        self.fail(writing=errno.EROFS)

    make_room = make_writable = heal


def failing_library(folder: Path) -> Path:
    """The library, built. Where there is no C compiler the test fails: it proves nothing then."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.fail("the tests of failing disks need a C compiler: apt-get install gcc libc6-dev")
    library = folder / "failing_disk.so"
    _run(compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE), "-ldl")
    return library


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(f"{' '.join(command)}: {done.stderr.strip() or done.returncode} (user {os.geteuid()})")
