"""One collector to a file: the second is told so, and a killed one leaves nothing that keeps the next from starting."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest
from conftest import Collector, Start, footfall, make_site

from collector.errors import FootfallError
from collector.store.sqlite.lock import FINISHING_S_MAX, LOOKING_S_MAX, holder, take


def refused(db: Path) -> str:
    """What a second collector says."""
    second = footfall("serve", "--port", "0", db=db)
    assert (second.returncode, second.stdout) == (1, "")
    assert second.stderr.count("\n") == 1
    return second.stderr


def test_a_second_collector_on_a_file_says_so_in_one_line_and_exits_with_1(start: Start) -> None:
    collector = start(make_site())
    process = f"a collector (process {collector.process.pid})"
    assert refused(collector.db) == f"footfall: cannot serve: {process} runs on {collector.db} already\n"
    assert collector.post("/v1/track", {"writeKey": "wk_shop", "event": "E", "anonymousId": "v"}).status_code == 200


def test_a_link_to_the_file_is_the_same_file(start: Start, tmp_path: Path) -> None:
    collector = start(make_site())
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link.db"
    link.symlink_to(collector.db)
    assert "a collector" in refused(link)


def test_commands_that_write_for_a_moment_work_beside_a_running_collector(start: Start, tmp_path: Path) -> None:
    collector = start(make_site())
    orders = tmp_path / "orders.csv"
    orders.write_text("order_id,email,total,currency,date\n1001,jane@x.example,9.90,EUR,2026-05-01\n")
    for arguments in (
        ("site", "add", "outlet"),
        ("token", "create", "desk", "--scope", "read"),
        ("import", "orders", str(orders), "--site", "shop"),
    ):
        done = footfall(*arguments, db=collector.db)
        assert done.returncode == 0, done.stderr
    assert len(collector.stored()) == 1


def test_after_kill_9_the_next_one_starts(start: Start) -> None:
    collector = start(make_site())
    collector.stop(signal.SIGKILL)
    collector.start()
    assert collector.client.get("/readyz").status_code == 200


def test_what_a_killed_collector_left_writing_keeps_the_lock_until_it_has_ended(start: Start) -> None:
    collector = start(make_site())
    writing = collector.writing
    os.kill(writing, signal.SIGSTOP)
    try:
        collector.stop(signal.SIGKILL)
        waits: list[float] = []

        def wait(seconds: float) -> None:
            waits.append(seconds)
            if sum(waits) > 2 * LOOKING_S_MAX:
                os.kill(writing, signal.SIGCONT)
                time.sleep(seconds)

        with take(str(collector.db), "serve", wait):
            assert sum(waits) > 2 * LOOKING_S_MAX
    finally:
        with suppress(ProcessLookupError):
            os.kill(writing, signal.SIGCONT)


def test_what_never_ends_is_not_waited_for_for_ever(start: Start) -> None:
    collector = start(make_site())
    writing = collector.writing
    os.kill(writing, signal.SIGSTOP)
    collector.stop(signal.SIGKILL)
    waits: list[float] = []
    try:
        with pytest.raises(FootfallError, match="cannot serve: a collector"):
            take(str(collector.db), "serve", waits.append)
        assert sum(waits) >= FINISHING_S_MAX
    finally:
        os.kill(writing, signal.SIGKILL)


def test_after_kill_9_of_what_writes_the_lock_is_still_the_collectors(start: Start) -> None:
    collector = start(make_site())
    writing = collector.writing
    os.kill(writing, signal.SIGKILL)
    assert "a collector" in refused(collector.db)
    assert wait_until_stored(collector)
    assert collector.writing != writing
    assert "a collector" in refused(collector.db)


def wait_until_stored(collector: Collector) -> bool:
    call = {"writeKey": "wk_shop", "event": "E", "anonymousId": "v"}
    deadline_s = time.monotonic() + 20
    while time.monotonic() < deadline_s:
        if collector.post("/v1/track", call).status_code == 200:
            return True
        time.sleep(0.05)
    return False


def test_who_holds_the_lock_and_where_it_listens_can_be_asked(start: Start, tmp_path: Path) -> None:
    assert holder(str(tmp_path / "nothing.db")) is None
    collector = start(make_site())
    held = holder(str(collector.db))
    assert held is not None
    assert (held.pid, held.url) == (collector.process.pid, collector.url)
    lock = collector.db.with_name(collector.db.name + "-lock")
    assert lock.stat().st_mode & 0o077 == 0
    assert json.loads(lock.read_text())["pid"] == collector.process.pid
    collector.stop()
    assert holder(str(collector.db)) is None


def test_a_lock_where_there_is_no_folder_or_none_may_be_made_is_one_line(tmp_path: Path) -> None:
    assert refused(tmp_path / "nowhere" / "footfall.db").startswith("footfall: there is no directory")
    (tmp_path / "footfall.db-lock").mkdir()
    assert "cannot open" in refused(tmp_path / "footfall.db")


@pytest.mark.parametrize(
    "arguments", [("serve", "--port", "0"), ("demo", "--port", "0", "--visitors", "0"), ("restore", "WRONG")]
)
@pytest.mark.parametrize("wrong", ["text", "another program's", "a folder"])
def test_who_names_the_wrong_file_leaves_nothing_beside_it(
    tmp_path: Path, arguments: tuple[str, ...], wrong: str
) -> None:
    file = tmp_path / "file"
    if wrong == "text":
        file.write_text("This is no database, but long enough to look like one. " * 99)
    elif wrong == "a folder":
        file.mkdir()
    else:
        with closing(sqlite3.connect(file)) as conn:
            conn.execute("CREATE TABLE notes (note TEXT)")
    restoring = arguments[0] == "restore"
    words = [str(file) if word == "WRONG" else word for word in arguments]
    words += ["--without-tombstones"] if restoring else []
    done = footfall(*words, db=tmp_path / "new.db" if restoring else file)
    assert (done.returncode in (1, 2), done.stdout, done.stderr.count("\n")) == (True, "", 1)
    assert os.listdir(tmp_path) == ["file"]
