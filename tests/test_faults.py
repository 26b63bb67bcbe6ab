"""Faults of the disk, the file and the clock, each a real one: 503 with Retry-After, one clear line in the log, nothing
acknowledged lost, nothing doubled, and on again without a restart."""

from __future__ import annotations

import errno
import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import NamedTuple

import pytest
from browsers.expecting import wait_for
from conftest import READER, footfall, make_site
from faults.clocks import FalseClock
from faults.disks import FailingDisk, SmallDisk, can_mount, failing_library, small_disk
from faults.traffic import LoggedCollector, Traffic, must_be_one_line, must_be_told_to_wait

from collector.event import DAY_MS, Site
from collector.ingest.keys import secret_hash
from collector.store import Token
from collector.store.sqlite.store import SqliteStore

Begin = Callable[..., LoggedCollector]
# Where nobody may mount, the same errors come from the failing disk alone.
DISKS = ("mounted", "failing") if can_mount() else ("failing",)


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Troubled]:
    """One collector on a disk that fails when it is told to, for all tests that can share it."""
    folder = tmp_path_factory.mktemp("troubled")
    disk = FailingDisk(folder, failing_library(folder))
    made(folder / "footfall.db", make_site())
    with pytest.MonkeyPatch.context() as patch:
        for name, value in disk.environ.items():
            patch.setenv(name, value)
        collector = LoggedCollector(folder / "footfall.db", folder / "log")
    yield Troubled(disk, collector, Traffic(collector))
    end(collector)


@pytest.fixture
def healed(troubled: Troubled) -> Troubled:
    """The same, in order again; what is logged counts from here."""
    troubled.disk.heal()
    troubled.traffic.post_until(200)
    troubled.collector.mark()
    return troubled


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    """Start a collector whose log is kept; it ends with the test."""
    with ExitStack() as ending:

        def start(folder: Path = tmp_path) -> LoggedCollector:
            made(folder / "footfall.db", make_site())
            collector = LoggedCollector(folder / "footfall.db", tmp_path / "log")
            ending.callback(end, collector)
            return collector

        yield start


class Troubled(NamedTuple):
    """A collector on a disk that fails, and its traffic."""

    disk: FailingDisk
    collector: LoggedCollector
    traffic: Traffic


def made(db: Path, site: Site) -> None:
    with closing(SqliteStore.open(str(db))) as store:
        store.put_site(site)
        store.put_token(Token(name="reader", hash=secret_hash(READER), scopes=("admin",), created=0))


def end(collector: LoggedCollector) -> None:
    if collector.process.poll() is None:
        collector.stop(signal.SIGKILL)


@pytest.mark.parametrize("kind", DISKS)
def test_a_full_disk_is_503_until_there_is_room(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    if kind == "failing":
        must_outlive_a_full_disk(*request.getfixturevalue("healed"))
        return
    with small_disk(tmp_path / "disk") as disk:
        collector = request.getfixturevalue("begin")(disk.folder)
        must_outlive_a_full_disk(disk, collector, Traffic(collector))


def must_outlive_a_full_disk(disk: SmallDisk | FailingDisk, collector: LoggedCollector, traffic: Traffic) -> None:
    assert traffic.post().status_code == 200
    disk.fill()
    must_be_told_to_wait(traffic.post_until(503))
    assert collector.client.get("/readyz").status_code == 503
    assert collector.client.get("/healthz").status_code == 200
    must_be_told_to_wait(traffic.post())
    disk.make_room()
    traffic.post_until(200)
    traffic.send_again()
    assert traffic.unsure == []
    traffic.must_be_kept()
    must_be_one_line(collector, "nothing can be stored: the database cannot be written: database or disk is full")
    must_be_one_line(collector, "calls are stored again")


def test_a_disk_gone_read_only_is_503_until_it_can_be_written(healed: Troubled) -> None:
    """A kernel remounts nothing that is open for writing; after an error of the disk it answers EROFS to each write."""
    disk, collector, traffic = healed
    disk.make_read_only()
    for _ in range(3):
        must_be_told_to_wait(traffic.post())
    disk.make_writable()
    traffic.post_until(200)
    traffic.send_again()
    traffic.must_be_kept()
    must_be_one_line(collector, "nothing can be stored: the database cannot be written")


def test_on_a_read_only_disk_it_does_not_start_and_says_why_in_one_line(begin: Begin, tmp_path: Path) -> None:
    with ExitStack() as ending:
        mounted = ending.enter_context(small_disk(tmp_path / "disk")) if can_mount() else None
        disk = mounted or FailingDisk(tmp_path, failing_library(tmp_path))
        collector = begin(tmp_path if mounted is None else mounted.folder)
        ending.callback(end, collector)
        traffic = Traffic(collector)
        assert traffic.post().status_code == 200
        collector.stop(signal.SIGKILL)
        disk.make_read_only()
        started = footfall("serve", "--port", "0", db=collector.db, **disk.environ)
        assert (started.returncode, started.stdout) == (1, "")
        assert started.stderr.startswith("footfall: ") and started.stderr.count("\n") == 1
        disk.make_writable()
        collector.restart()
        assert traffic.post().status_code == 200
        traffic.must_be_kept()


FAILURES = {
    "writing": {"writing": errno.EIO},
    "half of a write": {"writing": errno.EIO, "torn": True},
    "syncing": {"syncing": errno.EIO},
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_an_io_error_is_503_until_the_disk_works(failure: dict[str, int], healed: Troubled) -> None:
    disk, collector, traffic = healed
    disk.fail(**failure)
    for _ in range(3):
        must_be_told_to_wait(traffic.post())
    assert collector.client.get("/readyz").status_code == 503
    disk.heal()
    traffic.post_until(200)
    traffic.send_again()
    traffic.must_be_kept()
    must_be_one_line(collector, "nothing can be stored: the database cannot be written: disk I/O error")


def test_what_cannot_be_read_is_503_until_it_can(healed: Troubled) -> None:
    disk, collector, traffic = healed
    assert collector.ask("/api/customers")["customers"] == []  # what writes has nothing to read now
    disk.fail(reading=errno.EIO)
    activity = "/api/customers/visitor:visitor-of-tests/activity"
    must_be_told_to_wait(collector.client.get(activity, headers={"authorization": f"Bearer {READER}"}))
    disk.heal()
    assert collector.ask(activity)["events"]
    assert traffic.post().status_code == 200
    traffic.must_be_kept()


def test_killed_in_the_middle_of_a_write_it_has_what_was_acknowledged(healed: Troubled) -> None:
    disk, collector, traffic = healed
    writing = collector.writing
    disk.fail(writing=errno.EIO, torn=True)
    must_be_told_to_wait(traffic.post())
    os.kill(writing, signal.SIGKILL)
    disk.heal()
    traffic.post_until(200)
    traffic.send_again()
    traffic.must_be_kept()
    must_be_one_line(collector, "what writes has ended; another is started")


def test_what_writes_cannot_start_on_a_disk_that_fails_and_starts_when_it_works(healed: Troubled) -> None:
    disk, collector, traffic = healed
    os.kill(collector.writing, signal.SIGKILL)
    disk.fail(reading=errno.EIO)
    wait_for(lambda: collector.logged("the database cannot be opened to write: ") or None, lambda: "it was opened")
    must_be_told_to_wait(traffic.post())
    disk.heal()
    traffic.post_until(200)
    traffic.must_be_kept()
    must_be_one_line(collector, "what writes has ended; another is started")


def test_a_database_that_another_process_holds_is_503_until_it_lets_go(begin: Begin) -> None:
    collector = begin()
    traffic = Traffic(collector)
    assert traffic.post().status_code == 200
    with closing(sqlite3.connect(collector.db, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        must_be_told_to_wait(traffic.post_until(503))  # until then they are safe beside the database
        other.execute("ROLLBACK")
    traffic.post_until(200)
    traffic.send_again()
    traffic.must_be_kept()
    must_be_one_line(collector, "nothing can be stored: the database cannot be written: database is locked")


def test_a_broken_page_is_503_never_500(begin: Begin) -> None:
    collector = begin()
    traffic = Traffic(collector)
    assert traffic.post().status_code == 200
    collector.stop()
    root = collector.query("SELECT rootpage FROM sqlite_schema WHERE name = 'mids'")[0][0]
    size = collector.query("PRAGMA page_size")[0][0]
    with collector.db.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xa5" * size)
    collector.restart()
    must_be_told_to_wait(traffic.post_until(503))
    must_be_one_line(
        collector, "nothing can be stored: the database cannot be written: database disk image is malformed"
    )


# Random bytes; half a frame that was there before.
GARBAGE: tuple[Callable[[bytes], bytes], ...] = (lambda wal: os.urandom(5_000), lambda wal: wal[32:2_100])


def test_a_torn_end_of_the_wal_costs_nothing(begin: Begin) -> None:
    collector = begin()
    traffic = Traffic(collector)
    for garbage in GARBAGE:
        for _ in range(3):
            assert traffic.post().status_code == 200
        collector.stop(signal.SIGKILL)
        wal = collector.db.with_name("footfall.db-wal")
        with wal.open("ab") as file:
            file.write(garbage(wal.read_bytes()))
        traffic.must_be_kept()
        collector.restart()
    assert traffic.post().status_code == 200
    traffic.must_be_kept()


def test_a_clock_that_jumps_is_told_and_costs_nothing(begin: Begin, tmp_path: Path) -> None:
    clock = FalseClock(tmp_path / "clock")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in clock.environ.items():
            patch.setenv(name, value)
        collector = begin()
    traffic = Traffic(collector)
    assert traffic.post().status_code == 200
    for shift, told in (("+10d", "put forward by 864000 seconds"), ("-1d", "put back by 950400 seconds")):
        clock.put(shift)
        wait_for(lambda told=told: collector.logged(told) or None, lambda: "nothing was told of the clock")
        assert traffic.post().status_code == 200
        assert collector.client.get("/readyz").status_code == 200
        must_be_one_line(collector, told)
    traffic.must_be_kept()
    assert "footfall_clock_jumps_total 2.0" in collector.client.get("/metrics").text
    # Each as of the clock of its moment, in the order of their coming; the visitor's look-up has them all.
    days = [
        round(lag / DAY_MS) for (lag,) in collector.query("SELECT time - min(time) OVER () FROM events ORDER BY seq")
    ]
    assert days == [1, 11, 0]
    assert len(collector.ask("/api/customers/visitor:visitor-of-tests/activity")["events"]) == 3
