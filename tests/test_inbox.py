"""The inbox: what is acknowledged and not filed yet is neither lost nor doubled, and leaves no trace of the erased."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

import pytest
from conftest import ROOT, Start, footfall, make_site
from hypothesis import given, settings
from hypothesis import strategies as st
from random_logs import SITES, logs
from test_unsettled import KEYS, told

from collector.errors import Unavailable
from collector.event import CONSENT_CHANGED, Dropped, Event, Trust, Withdrawal
from collector.store import ActivityQuery, Left, Outcome
from collector.store.sqlite import inbox
from collector.store.sqlite.inbox import SIDE_FILES, Inbox, waiting
from collector.store.sqlite.log import Appender
from collector.store.sqlite.projection import Projection
from collector.store.sqlite.store import SqliteStore

SOAK = bool(os.environ.get("FOOTFALL_SOAK"))
pytestmark = pytest.mark.timeout(3_600 if SOAK else 120)


def call(id: str, visitor: str = "v1", **more: Any) -> Event:
    fields = {"site": "shop", "trust": Trust.BROWSER, "type": "page", "name": "", "time": 1_000, "received": 1_000}
    return Event(**(fields | {"id": id, "visitor": visitor} | more))


def ids(store: SqliteStore) -> list[str]:
    return [str(mid) for (mid,) in store._conn.execute("SELECT mid FROM events ORDER BY seq")]


def follow(store: SqliteStore) -> None:
    while store.follow():
        pass


@pytest.fixture
def path(store: SqliteStore) -> str:
    return store.path


def test_what_is_accepted_is_on_disk_and_filed_once_by_whoever_follows(store: SqliteStore, path: str) -> None:
    first = store.accept([call("a"), call("b")])
    second = store.accept([call("c")])
    assert first is not None and second is not None and second > first
    assert (ids(store), waiting(path, 0)) == ([], 3)
    with closing(SqliteStore.open(path)) as other:
        follow(other)
        assert ids(other) == ["a", "b", "c"]
    follow(store)
    assert ids(store) == ["a", "b", "c"]
    assert store.progress().upto == second
    assert store.accept([call("d")]) == second + 1
    follow(store)
    assert ids(store) == ["a", "b", "c", "d"]


def test_what_goes_straight_into_the_log_comes_behind_what_was_accepted(store: SqliteStore) -> None:
    store.accept([call("a")])
    assert store.append([call("a"), call("b")]) == [Outcome.DUPLICATE, Outcome.STORED]
    assert ids(store) == ["a", "b"]


def test_what_became_of_them_is_told_once_they_are_filed(store: SqliteStore) -> None:
    store.accept([call("a"), call("a"), call("b", site="outlet", trust=Trust.SERVER)])
    assert not store.progress().tally.stored
    follow(store)
    tally = store.progress().tally
    assert (tally.stored, tally.duplicates) == ({("shop", "browser"): 1, ("outlet", "server"): 1}, {"shop": 1})
    assert not store.progress().tally.stored


@settings(max_examples=1_000 if SOAK else 60)
@given(log=logs(), cuts=st.lists(st.integers(0, 40), max_size=6), steps=st.lists(st.integers(1, 9), min_size=1))
def test_accepted_in_any_portions_and_filed_in_any_steps_all_is_as_if_appended(
    log: list[Event], cuts: list[int], steps: list[int]
) -> None:
    with TemporaryDirectory() as folder:
        plain, other = (SqliteStore.open(f"{folder}/{name}.db") for name in ("plain", "other"))
        with closing(plain), closing(other):
            for store in (plain, other):
                for name, space in SITES.items():
                    store.put_site(make_site(name, ids=space))
            plain.append(log)
            follow(plain)
            bounds = [0, *sorted(min(cut, len(log)) for cut in cuts), len(log)]
            for n, (start, end) in enumerate(pairwise(bounds)):
                if log[start:end]:
                    assert other.accept(log[start:end]) is not None
                other.follow(steps[n % len(steps)])
            follow(other)
            assert ids(other) == ids(plain)
            assert [told(other, key) for key in KEYS] == [told(plain, key) for key in KEYS]


def test_of_a_visitor_who_wants_no_more_nothing_is_written_down(store: SqliteStore, path: str) -> None:
    store.append([call("a", visitor="gone-visitor")])
    no = Withdrawal(visitor="gone-visitor", time=2_000, refused="Analytics")
    store.append([Left(site="shop", why=Dropped.CONSENT, received=2_000, withdrawal=no)])
    assert store.accept([call("late-call", visitor="gone-visitor", received=3_000)]) is None
    assert not bytes_hold(path, b"late-call")
    yes = call("yes", visitor="gone-visitor", type="track", name=CONSENT_CHANGED, consent="Analytics", received=4_000)
    assert store.accept([yes]) is None
    assert store.append([yes]) == [Outcome.STORED]
    assert store.accept([call("again", visitor="gone-visitor", received=5_000)]) is not None


def test_of_somebody_who_was_erased_nothing_is_written_down(store: SqliteStore, path: str) -> None:
    store.append([call("a", user="erased-user", type="identify")])
    store.erase("erased-user", 9_000)
    assert store.accept([call("late-call", user="erased-user", type="identify")]) is None
    assert not bytes_hold(path, b"late-call")


def test_an_erasure_finds_what_was_accepted_a_moment_ago_and_leaves_no_trace_of_it(
    store: SqliteStore, path: str
) -> None:
    for n in range(40):
        store.accept([call(f"secret-{n}", user="erased-user", type="identify", url="https://shop.example/secret")])
    assert bytes_hold(path, b"erased-user")
    assert store.erase("erased-user", 9_000).events == 40
    assert ids(store) == []
    assert not bytes_hold(path, b"erased-user")
    assert not bytes_hold(path, b"shop.example/secret")


def test_what_was_filed_out_of_turn_leaves_no_trace_either(store: SqliteStore, path: str) -> None:
    store.accept([call("a", user="erased-user", type="identify")])
    store.append([call("b")])
    store.erase("erased-user", 9_000)
    assert not bytes_hold(path, b"erased-user")


def bytes_hold(path: str, sought: bytes) -> bool:
    return any(sought in file.read_bytes() for file in Path(path).parent.glob(f"{Path(path).name}*") if file.is_file())


def test_a_withdrawal_counts_for_whom_something_was_accepted_a_moment_ago(store: SqliteStore) -> None:
    store.accept([call("a", visitor="v9")])
    no = Withdrawal(visitor="v9", time=2_000, refused="Analytics")
    store.append([Left(site="shop", why=Dropped.CONSENT, received=2_000, withdrawal=no)])
    assert ids(store) == ["a"]
    assert store.append([call("b", visitor="v9", received=3_000)]) == [Outcome.WITHDRAWN]


@pytest.fixture
def choosy(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """A log that can make nothing of the events with these ids."""
    refused = {"bad"}
    append = Appender.append

    def choosing(self: Appender, entries: Any) -> list[Outcome]:
        if any(entry.id in refused for entry in entries):
            raise ValueError("a bug")
        return append(self, entries)

    monkeypatch.setattr(Appender, "append", choosing)
    yield refused


def test_one_that_cannot_be_filed_holds_up_no_other_and_is_tried_again_by_the_next_start(
    store: SqliteStore, path: str, choosy: set[str]
) -> None:
    store.accept([call("a"), call("bad"), call("b")])
    follow(store)
    assert (ids(store), store.stats()["set_aside"], store.stats()["backlog"]) == (["a", "b"], 1, 0)
    with closing(SqliteStore.open(path)) as later:
        follow(later)
        assert later.stats()["set_aside"] == 1
    choosy.clear()
    with closing(SqliteStore.open(path)) as fixed:
        follow(fixed)
        assert (sorted(ids(fixed)), fixed.stats()["set_aside"]) == (["a", "b", "bad"], 0)


def test_a_bug_in_the_middle_of_much_costs_only_that_step_copies_of_pages(store: SqliteStore, choosy: set[str]) -> None:
    asked: list[str] = []
    store._conn.set_trace_callback(asked.append)
    store.accept([call(f"good {n}") for n in range(300)])
    follow(store)
    assert not any(statement.startswith("SAVEPOINT") for statement in asked)
    store.accept([*(call(f"more {n}") for n in range(40)), call("bad"), call("last")])
    follow(store)
    assert any(statement.startswith("SAVEPOINT") for statement in asked)
    asked.clear()
    store.accept([call("after it")])
    follow(store)
    store._conn.set_trace_callback(None)
    assert not any(statement.startswith("SAVEPOINT") for statement in asked)
    assert (len(ids(store)), store.stats()["set_aside"], store.stats()["backlog"]) == (342, 1, 0)
    assert store.progress().tally.stored.total() == 342


def test_what_was_set_aside_is_tried_again_also_where_its_first_step_is_undone(
    store: SqliteStore, path: str, choosy: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store.accept([call("a"), call("bad")])
    follow(store)
    choosy.clear()
    take_in, bugs = Projection._take_in, ["a bug that is met once"]

    def taking_in(self: Projection, facts: Any, projected: int) -> None:
        if bugs:
            raise ValueError(bugs.pop())
        take_in(self, facts, projected)

    monkeypatch.setattr(Projection, "_take_in", taking_in)
    with closing(SqliteStore.open(path)) as fixed:
        follow(fixed)
        assert (ids(fixed), fixed.stats()["set_aside"], bugs) == (["a", "bad"], 0, [])


def test_what_cannot_be_read_any_more_is_set_aside(store: SqliteStore, path: str) -> None:
    store.accept([call("a")])
    store.accept([call("b")])
    with closing(sqlite3.connect(path + inbox.SUFFIX)) as beside, beside:
        beside.execute("UPDATE inbox SET events = x'c1' WHERE id = (SELECT min(id) FROM inbox)")
    follow(store)
    assert (ids(store), store.stats()["set_aside"]) == (["b"], 1)


@pytest.mark.parametrize(
    "file", [lambda store: store.follow(1_000), SqliteStore.file_accepted], ids=["a step", "at once"]
)
def test_what_cannot_be_read_any_more_holds_up_nothing_behind_it(
    store: SqliteStore, path: str, file: Callable[[SqliteStore], object]
) -> None:
    for row in range(12):
        store.accept([call(f"{row}-{n}") for n in range(64)])
    with closing(sqlite3.connect(path + inbox.SUFFIX)) as beside, beside:
        beside.execute("UPDATE inbox SET events = x'c1' WHERE id IN (SELECT id FROM inbox ORDER BY id LIMIT 5)")
    file(store)
    assert len(ids(store)) == 7 * 64


def test_what_another_database_left_beside_is_not_filed(tmp_path: Path) -> None:
    path = str(tmp_path / "footfall.db")
    with closing(SqliteStore.open(path)) as store:
        store.put_site(make_site())
        store.accept([call("of the deleted one")])
    for side in ("", "-wal", "-shm"):
        Path(path + side).unlink(missing_ok=True)
    with closing(SqliteStore.open(path)) as store:
        store.put_site(make_site())
        follow(store)
        store.accept([call("new")])
        follow(store)
        assert ids(store) == ["new"]


def test_an_orderly_stop_leaves_nothing_waiting_and_no_journal(start: Start) -> None:
    collector = start(make_site())
    for n in range(5):
        assert collector.post("/v1/track", {"event": "T", "anonymousId": f"v{n}", "writeKey": "wk_shop"}).is_success
    assert collector.stop() == 0
    assert [side for side in SIDE_FILES if os.path.exists(f"{collector.db}{side}")] == [inbox.SUFFIX]
    assert waiting(str(collector.db), 0) == 0
    assert len(collector.stored()) == 5


_COMES_AND_GOES = """
import sys
from collector.store.sqlite.inbox import Inbox
for n in range(int(sys.argv[2])):
    looking = Inbox(sys.argv[1], b"key")
    looking.next(0, 10)
    looking.close()
    print(n, flush=True)
"""


@contextmanager
def looking(path: str, times: int) -> Iterator[subprocess.Popen[str]]:
    """Another process, as a command that reads while calls come in: locks on files are a process's own."""
    command = [sys.executable, "-c", _COMES_AND_GOES, path, str(times)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as looker:
        try:
            yield looker
        finally:
            looker.kill()


def test_who_looks_and_goes_takes_nothing_of_what_is_put_along(tmp_path: Path) -> None:
    """SQLite takes the journal away with its last user: others must see that there are more."""
    path = str(tmp_path / "footfall.db")
    with closing(Inbox(path, b"key")) as before:
        before.put([call("a")], lambda: 0)
    with closing(Inbox(path, b"key")) as putting:
        putting.remove(1)  # what was left behind has been filed; then the first call comes
        putting.put([call("b")], lambda: 1)
        with looking(path, 1) as looker:
            assert looker.communicate(timeout=60)[0] == "0\n"
        putting.put([call("c")], lambda: 1)
        with closing(Inbox(path, b"key")) as filing:
            assert [parcel.id for parcel in filing.next(1, 10)] == [2, 3]


def test_what_is_put_between_stops_stays_whoever_looks_meanwhile(tmp_path: Path) -> None:
    path, last = str(tmp_path / "footfall.db"), 0

    def filed() -> int:
        return last

    with looking(path, 1_000_000) as looker:
        assert looker.stdout is not None and looker.stdout.readline() == "0\n"
        Thread(target=looker.stdout.read, daemon=True).start()  # so that it is never kept waiting
        for _ in range(100):
            with closing(Inbox(path, b"key")) as killed:
                first = killed.put([call("a")], filed)
            with closing(Inbox(path, b"key")) as stopped:
                last = stopped.put([call("b")], filed)
                assert [parcel.id for parcel in stopped.next(first - 1, 10)] == [first, last]
                stopped.remove(last)
        assert looker.poll() is None, "it looked on, and met nothing that it could not read"


def test_after_an_orderly_stop_nothing_of_what_waited_is_left_in_the_file(tmp_path: Path) -> None:
    path = str(tmp_path / "footfall.db")
    with closing(SqliteStore.open(path)) as store:
        store.put_site(make_site())
        last = store.accept(
            [call(f"{n}", visitor="somebody", properties='{"a":"' + "x" * 3_000 + '"}') for n in range(500)]
        )
        follow(store)
        store.discard(last or 0)
    left = Path(path + inbox.SUFFIX).read_bytes()
    assert b"somebody" not in left and len(left) <= 5 * 4_096


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files for others")
def test_what_root_makes_beside_another_s_database_is_theirs(tmp_path: Path) -> None:
    path = str(tmp_path / "footfall.db")
    SqliteStore.open(path).close()
    os.chown(path, 1_234, 1_234)
    with closing(Inbox(path, b"key")) as putting:
        putting.put([call("a")], lambda: 0)
        assert {os.stat(f"{path}{side}").st_uid for side in SIDE_FILES} == {1_234}


def test_a_name_that_leads_to_no_file_yet_makes_that_file(tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(tmp_path / "real.db")
    SqliteStore.open(str(tmp_path / "link.db")).close()
    assert (tmp_path / "real.db").stat().st_size > 0


def left_waiting(path: str, id: str) -> None:
    """Somebody was killed who had just acknowledged this."""
    with closing(SqliteStore.open(path)) as store:
        assert store.accept([call(id)]) is not None
    assert waiting(path, 0) >= 1


def test_a_backup_holds_what_was_acknowledged(store: SqliteStore, path: str) -> None:
    store.append([call("before")])
    left_waiting(path, "waits")
    copy = f"{path}.copy"
    assert footfall("backup", copy, db=path).returncode == 0
    with closing(sqlite3.connect(copy)) as copied:
        assert copied.execute("SELECT mid FROM events ORDER BY seq").fetchall() == [("before",), ("waits",)]


def filed(path: str) -> list[str]:
    """What the database holds, once it has filed what waits beside it."""
    with closing(SqliteStore.open(path, create=False)) as store:
        follow(store)
        return ids(store)


def backed_up_and_left(path: str) -> None:
    """A backup with one event; then comes one that is filed, and one that waits."""
    with closing(SqliteStore.open(path)) as store:
        store.put_site(make_site())
        store.append([call("before")])
        assert footfall("backup", f"{path}.copy", db=path).returncode == 0
        store.append([call("filed since")])
    left_waiting(path, "waits")


def replaced(path: str) -> dict[str, Any]:
    """What a restore of the backup says."""
    done = footfall("restore", f"{path}.copy", "--without-tombstones", "--force", "--json", db=path)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_what_waits_goes_aside_with_the_database_that_is_replaced_and_the_restored_one_is_the_backup(
    tmp_path: Path,
) -> None:
    path = str(tmp_path / "footfall.db")
    backed_up_and_left(path)
    told = replaced(path)
    assert (told["events"], told["taken_in"]) == (1, 0)
    assert waiting(path, 0) == 0
    with closing(SqliteStore.open(path)) as later:
        assert later.accept([call("later")]) is not None
    assert filed(path) == ["before", "later"]
    assert filed(told["kept"]) == ["before", "filed since", "waits"]


def test_what_waits_beside_a_database_that_was_lost_is_taken_in_and_told(tmp_path: Path) -> None:
    path = str(tmp_path / "footfall.db")
    backed_up_and_left(path)
    for side in ("", "-wal", "-shm"):
        Path(path + side).unlink(missing_ok=True)
    rehearsed = footfall("restore", f"{path}.copy", "--without-tombstones", db=f"{path}.rehearsal")
    assert "waited" not in rehearsed.stdout
    done = footfall("restore", f"{path}.copy", "--without-tombstones", db=path)
    assert "1 event of 1 site" in done.stdout and "and 1 call that waited beside it is taken in" in done.stdout
    assert filed(path) == ["before", "waits"]


def test_what_waits_beside_a_damaged_database_is_taken_in_too(tmp_path: Path) -> None:
    path = str(tmp_path / "footfall.db")
    backed_up_and_left(path)
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("PRAGMA journal_mode = DELETE")
        (root,) = conn.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'mids'").fetchone()
    with open(path, "r+b") as file:
        file.seek((root - 1) * 4_096)
        file.write(b"\xa5" * 4_096)
    told = replaced(path)
    assert told["taken_in"] == 1
    assert filed(path) == ["before", "waits"]


def test_where_the_file_beside_cannot_be_written_nothing_is_accepted(store: SqliteStore, path: str) -> None:
    os.mkdir(path + inbox.SUFFIX)
    with pytest.raises(Unavailable):
        store.accept([call("a")])
    os.rmdir(path + inbox.SUFFIX)
    assert store.accept([call("a")]) is not None
    follow(store)
    assert store.activity("visitor:v1", ActivityQuery()) is not None


def test_what_waits_stays_with_the_former_database_where_the_restored_one_would_take_it_for_filed(
    store: SqliteStore, path: str
) -> None:
    left_waiting(path, "before")
    old, new = f"{path}.old", f"{path}.new"
    assert footfall("backup", old, db=path).returncode == 0
    for n in range(3):
        left_waiting(path, f"later-{n}")
    assert footfall("backup", new, db=path).returncode == 0
    store.close()
    assert footfall("restore", old, "--force", "--without-tombstones", db=path).returncode == 0
    for kept in Path(path).parent.glob("*.before-restore-*"):
        kept.unlink()
    with closing(SqliteStore.open(path)) as again:
        again.accept([call("waits")])
    assert footfall("restore", new, "--force", "--without-tombstones", db=path).returncode == 0
    (former,) = [kept for kept in Path(path).parent.glob("*.before-restore-*") if inbox.origin(str(kept))]
    with closing(SqliteStore.open(str(former))) as kept:
        follow(kept)
        assert ids(kept)[-1] == "waits"


def test_who_brings_the_journal_in_keeps_nobody_waiting_while_the_disk_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = inbox.Inbox(str(tmp_path / "f.db"), b"key")
    told, really = list[int](), inbox._sync

    def sync(file: int) -> None:
        told.append(kept.put([call(f"meanwhile {len(told)}")], lambda: 0))  # would wait for ever
        really(file)

    monkeypatch.setattr(inbox, "CHECKPOINT_BYTES", 1)
    last = kept.put([call(f"{n}") for n in range(500)], lambda: 0)
    with monkeypatch.context() as patched:
        patched.setattr(inbox, "_sync", sync)
        kept.remove(last)
    assert told == [last + 1]
    with closing(inbox.Inbox(str(tmp_path / "f.db"), b"key")) as other:
        assert [parcel.id for parcel in other.next(last, 1)] == told
    kept.remove(told[0])
    kept.close()
    assert [each.name for each in tmp_path.glob("*inbox*")] == ["f.db-inbox"]


def test_a_disk_that_fails_while_the_journal_is_brought_in_is_told_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = inbox.Inbox(str(tmp_path / "f.db"), b"key")

    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(inbox, "CHECKPOINT_BYTES", 1)
    first = kept.put([call("a")], lambda: 0)
    second = kept.put([call("b")], lambda: 0)
    with monkeypatch.context() as broken, pytest.raises(Unavailable):
        broken.setattr(inbox, "_sync", fail)
        kept.remove(first)
    kept.put([call("c")], lambda: 0)
    with closing(inbox.Inbox(str(tmp_path / "f.db"), b"key")) as other:
        assert [inbox.unpack(parcel.events)[0].id for parcel in other.next(first, 9)] == ["b", "c"]
    kept.remove(second)
    kept.close()
