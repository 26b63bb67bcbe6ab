"""`footfall doctor`: what is well, what is not, and what to do; and `/metrics`, which shows the same figures."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from conftest import Collector, Start, footfall, make_site
from shop import call

from collector.checkup import State, machine, running, traffic
from collector.event import DAY_MS, MINUTE_MS, Event
from collector.store import Token
from collector.store.health import Followed, Joined, Lately, OrdersLately, Refusals, SilentPage, Soundness, Vitals
from collector.store.sqlite.connection import newest_schema
from collector.store.sqlite.examining import Examination
from collector.store.sqlite.store import SqliteStore

OK, WARN, FAIL = State.OK, State.WARN, State.FAIL
GB = 1024**3
NOW = 1_777_700_000_000
VITALS = Vitals(
    file_bytes=GB, wal_bytes=0, disk_bytes=100 * GB, disk_free_bytes=50 * GB, newest=NOW, backed_up=NOW, seen={}
)
QUIET = Lately(silent=(), last={}, server=frozenset())
READY = running.Word(ready="", metrics="")


def changed(**fields: Any) -> Vitals:
    return Vitals(**{name: getattr(VITALS, name) for name in VITALS.__struct_fields__} | fields)


def refusals(**fields: Any) -> Refusals:
    return Refusals(**{"kept": {"too_old": 5}, "today": 0, "a_day": 1.0, "stored_today": 10_000} | fields)


def orders(n: int, without_visitor: int = 0, unconfirmed: int = 0, without_total: int = 0) -> OrdersLately:
    return OrdersLately(orders=n, without_visitor=without_visitor, unconfirmed=unconfirmed, without_total=without_total)


def heard(*server: str) -> Lately:
    """Of the site `shop`, and under the secret key of these."""
    return Lately(silent=(), last={"shop": NOW}, server=frozenset(server))


def said(**numbers: float) -> running.Word:
    """Metrics as the collector writes them; `answers_503` is the counter of that status."""
    lines = []
    for name, number in numbers.items():
        stem, _, status = name.partition("answers_")
        lines.append(
            f'footfall_answers_total{{status="{status}"}} {number}' if not stem else f"footfall_{name} {number}"
        )
    types = "# TYPE footfall_answers counter\n# TYPE footfall_commit_seconds histogram\n"
    return running.Word(ready="", metrics=types + "\n".join(lines) + "\n")


@pytest.mark.parametrize(
    "finding, state, words",
    [
        (machine.disk(VITALS), OK, "50 GB of the disk's 100 GB are free; the database takes 1.0 GB"),
        (machine.disk(changed(disk_free_bytes=9 * GB)), WARN, "9.0 GB"),
        (machine.disk(changed(disk_free_bytes=GB // 2)), FAIL, "512 MB"),
        (machine.permissions(True), WARN, "chmod 600"),
        (machine.integrity(Soundness(()), False), OK, "whole"),
        (machine.integrity(Soundness((), ("events",)), False), OK, "there was no time for events: --deep"),
        (machine.integrity(Soundness(("row 7 is missing",)), True), FAIL, "row 7 is missing"),
        (machine.wal(VITALS), OK, "0 bytes"),
        (machine.wal(changed(wal_bytes=GB)), WARN, "reading for long"),
        (machine.wal(changed(wal_bytes=5 * GB)), FAIL, "5.0 GB"),
        (machine.clock(VITALS, NOW + 5 * MINUTE_MS), OK, "5 min ago"),
        (machine.clock(changed(newest=None), NOW), OK, "no event yet"),
        (machine.clock(VITALS, NOW - 3 * 60 * MINUTE_MS), FAIL, "The clock is 3 h behind the newest event"),
        (machine.schema(8, 8), OK, "newest schema, 8"),
        (machine.schema(3, 8), WARN, "schema 3 of 8"),
        (machine.schema(9, 8), FAIL, "newer Footfall"),
        (machine.following(Followed(9, 9, 0), Followed(9, 9, 0), True), OK, "up to the log"),
        (machine.following(Followed(9, 5, 0), Followed(9, 5, 0), False), OK, "4 events behind the log; the next start"),
        (machine.following(Followed(9, 5, 0), Followed(9, 5, 0), True), FAIL, "nothing takes them in"),
        (machine.following(Followed(9, 5, 0), Followed(9, 7, 0), True), OK, "catching up"),
        (machine.following(Followed(9, 9, 0), Followed(12, 9, 0), True), OK, "catching up"),
        (machine.following(Followed(90_000, 5, 0), Followed(90_000, 7, 0), True), WARN, "89,993 events behind"),
        (machine.set_aside(Followed(9, 9, 2)), WARN, "2 events could not be understood: they are kept"),
        (machine.set_aside(Followed(9, 9, 1)), WARN, "1 event could not be understood: it is kept"),
        (machine.backup(changed(backed_up=None), NOW), WARN, "never backed up"),
        (machine.backup(VITALS, NOW + 3 * DAY_MS), OK, "3 days ago"),
        (machine.backup(VITALS, NOW + 8 * DAY_MS), WARN, "8 days ago"),
        (traffic.quarantine(refusals(kept={})), OK, "No refused call waits"),
        (traffic.quarantine(refusals(kept={"too_old": 1})), OK, "1 refused call is kept (too_old 1), 0 came today."),
        (traffic.quarantine(refusals()), OK, "5 refused calls are kept (too_old 5), 0 came today."),
        (traffic.quarantine(refusals(today=99, stored_today=100_000)), OK, "99 came today"),
        (traffic.quarantine(refusals(today=150, stored_today=100_000)), WARN, "after 1 a day in the week before"),
        (traffic.quarantine(refusals(today=150, a_day=140.0, stored_today=100_000)), OK, "150 came today"),
        (traffic.quarantine(refusals(today=50, a_day=50.0, stored_today=400)), WARN, "beside 400 that were stored"),
        (traffic.joining(Joined(0, 0)), OK, "There is no visit yet."),
        (traffic.joining(Joined(1, 0)), OK, "The one visit so far is not a known customer's."),
        (traffic.joining(Joined(1, 1)), OK, "The one visit so far is a known customer's."),
        (traffic.joining(Joined(10, 0)), OK, "0 of the last 10 visits are a"),
        (traffic.joining(Joined(10, 1)), OK, "1 of the last 10 visits is a"),
        (traffic.joining(Joined(1_000, 300)), OK, "30.0%"),
        (traffic.joining(Joined(1_000, 9)), WARN, "identify"),
        (traffic.orders(orders(0)), OK, "no order yet"),
        (traffic.orders(orders(1)), OK, "The one order so far is known from a browser and from the back end."),
        (traffic.orders(orders(1, 1)), OK, "known only from the back end."),
        (traffic.orders(orders(1, 0, 1)), OK, "known only from a browser."),
        (traffic.orders(orders(19, 19)), OK, "100% only from the back end"),
        (traffic.orders(orders(100, 51)), WARN, "thank-you page"),
        (traffic.orders(orders(100, 10, 51)), WARN, "under the secret key"),
        (traffic.orders(orders(100, 30, 30)), OK, "30%"),
        (traffic.amounts(orders(0)), OK, "no order yet"),
        (traffic.amounts(orders(9)), OK, "Each of the last 9 orders"),
        (traffic.amounts(orders(1, without_total=1)), WARN, "not '12,50'"),
        (traffic.amounts(orders(1_000, without_total=9)), OK, "9 of the last 1,000 orders have no amount"),
        (traffic.pages(QUIET), OK, "No page"),
        (traffic.pages(Lately(silent=(SilentPage("/a", 7),), last={}, server=frozenset())), WARN, "two days: /a."),
        (traffic.origins([], ()), WARN, "no site yet"),
        (traffic.origins([make_site(), make_site("bare", origins=())], ()), WARN, "may send to bare"),
        (traffic.origins([make_site("bare", origins=())], ("https://shop.example",)), OK, "1 site,"),
        (traffic.silence([make_site()], {"shop": NOW}, QUIET, NOW + DAY_MS), OK, "every site"),
        (traffic.silence([make_site()], {"shop": NOW}, QUIET, NOW + 2 * DAY_MS), WARN, "shop (last 2 days ago)"),
        (traffic.silence([make_site()], {}, heard(), NOW), OK, ""),
        (traffic.silence([make_site()], {"shop": None}, QUIET, NOW), WARN, "shop (never)"),
        (traffic.back_ends([make_site()], heard(), orders(3)), WARN, "under the secret key of shop"),
        (traffic.back_ends([make_site()], heard("shop"), orders(3)), OK, "The one site that was heard from sends"),
        (traffic.back_ends([make_site()], QUIET, orders(0)), OK, "No site was heard from"),
        (traffic.back_ends([make_site()], heard(), orders(0)), OK, "The one site that was heard from does not send"),
        (traffic.tokens([Token(name="t", hash="h", scopes=("read",), created=NOW)], NOW), OK, "1 token is valid,"),
        (traffic.tokens([Token(name="t", hash="h", scopes=("read",), created=0)], NOW), WARN, "year old"),
        (traffic.tokens([Token(name="t", hash="h", scopes=("read",), created=0, revoked=1)], NOW), OK, "No token is"),
        (traffic.tokens([], NOW), OK, "There is no token."),
        (running.collector(READY), OK, "ready"),
        (running.collector(running.Word(ready="the disk is full", metrics="")), FAIL, "not ready: the disk is full"),
        (running.queue(said(queued_events=1)), OK, "1 event waits"),
        (running.queue(said(queued_events=7)), OK, "7 events wait"),
        (running.queue(said(queued_events=7_000)), WARN, "7,000 events wait"),
        (running.answers(READY), OK, "none"),
        (running.answers(said(answers_200=2_000, answers_503=1)), OK, "2,000 of 200, 1 of 503"),
        (running.answers(said(answers_200=2_000, answers_503=20)), WARN, "keep up"),
        (running.answers(said(answers_200=2_000, answers_500=1)), WARN, "fault of ours"),
        (running.commits(said(commit_seconds_count=100, commit_seconds_sum=0.25)), OK, "2.5 ms"),
        (running.commits(said(commit_seconds_count=100, commit_seconds_sum=25)), WARN, "250.0 ms"),
    ],
    ids=lambda value: value.check if hasattr(value, "check") else "",
)  # fmt: skip
def test_each_figure_means_something_and_what_is_not_well_says_what_to_do(
    finding: Any, state: State, words: str
) -> None:
    assert finding.state is state
    assert words in f"{finding.means} {finding.do}"
    assert bool(finding.do) == (state is not OK)


def examined(db: Path, *flags: str) -> tuple[int, dict[str, dict[str, str]]]:
    """The exit code, and the findings by their check."""
    done = footfall("doctor", "--json", *flags, db=db)
    told = json.loads(done.stdout)
    worst = max((finding["state"] for finding in told["checks"]), key=("ok", "warn", "fail").index)
    assert told["state"] == worst
    return done.returncode, {finding["check"]: finding for finding in told["checks"]}


def not_ok(findings: dict[str, dict[str, str]]) -> dict[str, str]:
    return {check: finding["state"] for check, finding in findings.items() if finding["state"] != "ok"}


def send(collector: Collector, n: int = 1) -> None:
    for _ in range(n):
        told = {"event": "Product Viewed", "anonymousId": "v", "userId": "42"}
        assert collector.post("/v1/track", told, authorization="Basic c2tfc2hvcDo=").status_code == 200  # sk_shop:


def test_a_running_collector_in_good_health_has_nothing_to_be_told(start: Start, tmp_path: Path) -> None:
    collector = start(make_site())
    assert footfall("backup", str(tmp_path / "b"), db=collector.db).returncode == 0
    send(collector)
    code, findings = examined(collector.db)
    assert code == 0
    # The reader's token of these tests is as old as 1970.
    assert not_ok(findings) == {"tokens": "warn"}
    assert {"disk", "integrity", "wal", "clock", "following", "quarantine", "pages", "collector", "queue"} <= set(
        findings
    )
    assert "1 of 200" in findings["answers"]["means"]
    said = footfall("doctor", "--deep", db=collector.db).stdout
    assert "ok    integrity    The database is whole, each index agrees with its table." in said


def test_warnings_are_no_failure_and_nothing_is_changed_by_looking(tmp_path: Path) -> None:
    db = tmp_path / "footfall.db"
    with closing(SqliteStore.open(str(db))) as store:
        store.put_site(make_site("bare", origins=()))
    os.chmod(db, 0o644)
    before = db.read_bytes()
    code, findings = examined(db)
    warned = {"permissions", "backup", "sites", "silence", "collector"}
    assert (code, not_ok(findings)) == (0, dict.fromkeys(warned, "warn"))
    assert db.read_bytes() == before
    assert "footfall serve" in footfall("doctor", db=db).stdout


def test_a_damaged_database_is_a_failure(start: Start) -> None:
    collector = start(make_site())
    send(collector, 3)
    collector.stop()
    ((page,),) = collector.query("SELECT rootpage FROM sqlite_schema WHERE name = 'sessions'")
    with collector.db.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)
    code, findings = examined(collector.db)
    assert (code, findings["integrity"]["state"]) == (1, "fail")
    assert "restore" in findings["integrity"]["do"]


@pytest.mark.parametrize("schema, code, state", [(newest_schema() + 1, 1, "fail"), (newest_schema() - 1, 0, "warn")])
def test_a_database_of_another_schema_is_left_as_it_is(tmp_path: Path, schema: int, code: int, state: str) -> None:
    db = tmp_path / "footfall.db"
    SqliteStore.open(str(db)).close()
    with closing(sqlite3.connect(db)) as conn:
        conn.execute(f"PRAGMA user_version = {schema}")
    found = examined(db)
    assert (found[0], found[1]["schema"]["state"]) == (code, state)
    with closing(sqlite3.connect(db)) as conn:
        assert conn.execute("PRAGMA user_version").fetchone() == (schema,)


@pytest.mark.parametrize("content, code", [(None, 1), ("This is no database, but long enough to be one. " * 99, 2)])
def test_what_is_no_database_is_one_line(tmp_path: Path, content: str | None, code: int) -> None:
    db = tmp_path / "footfall.db"
    if content:
        db.write_text(content)
    done = footfall("doctor", db=db)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1)


def test_another_programs_database_is_none_of_ours(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "notes.db")) as conn:
        conn.execute("CREATE TABLE notes (note TEXT)")
    done = footfall("doctor", db=tmp_path / "notes.db")
    assert (done.returncode, done.stderr) == (2, f"footfall: {tmp_path / 'notes.db'} is not a Footfall database\n")


def test_a_collector_whose_writer_hangs_is_a_failure_and_so_is_one_that_does_not_answer(start: Start) -> None:
    collector = start(make_site())
    send(collector)
    hung = [collector.writing, collector.following]
    collector.file_all()
    for each in hung:
        os.kill(each, signal.SIGSTOP)
    with closing(SqliteStore.open(str(collector.db))) as store:
        store.append([call("late", "Tried", visitor="v")])
    code, findings = examined(collector.db)
    assert code == 1
    assert findings["collector"]["state"] == findings["following"]["state"] == "fail"
    assert "not ready" in findings["collector"]["means"]
    assert "1 event behind the log, and nothing takes them in" in findings["following"]["means"]
    for each in hung:
        os.kill(each, signal.SIGCONT)
    code, findings = examined(collector.db, "--url", "http://127.0.0.1:9")
    assert (code, findings["collector"]["state"]) == (1, "fail")
    assert "does not answer at http://127.0.0.1:9" in findings["collector"]["means"]


def test_the_metrics_show_what_the_doctor_looks_at(start: Start, tmp_path: Path) -> None:
    collector = start(make_site())
    send(collector)
    assert "last_backup" not in collector.client.get("/metrics").text
    assert footfall("backup", str(tmp_path / "b"), db=collector.db).returncode == 0
    collector.client.get("/readyz")
    deadline_s = time.monotonic() + 20
    while (metrics := collector.client.get("/metrics").text).count("site_seen") < 3 and time.monotonic() < deadline_s:
        time.sleep(0.1)
    shown = dict(line.split(" ") for line in metrics.splitlines() if not line.startswith("#"))
    now = time.time()
    for name in ("newest_event", "last_backup"):
        assert abs(float(shown[f"footfall_{name}_timestamp_seconds"]) - now) < 300
    assert abs(float(shown['footfall_site_seen_timestamp_seconds{site="shop"}']) - now) < 300
    assert float(shown["footfall_database_bytes"]) == collector.db.stat().st_size
    assert float(shown["footfall_disk_free_bytes"]) > 0
    assert float(shown["footfall_follow_failed"]) == 0
    assert float(shown["process_resident_memory_bytes"]) > 1_000_000


def test_orders_whose_amount_cannot_be_read_are_kept_and_told(start: Start) -> None:
    collector = start(make_site())
    totals: list[dict[str, Any]] = [{"total": "12,50"}, {"total": "abc"}, {}, {"total": "12.50"}, {"total": 0}]
    for n, amount in enumerate(totals):
        told = {"event": "Order Completed", "userId": "42", "properties": {"order_id": str(n), **amount}}
        assert collector.post("/v1/track", told, authorization="Basic c2tfc2hvcDo=").status_code == 200  # sk_shop:
    collector.file_all()
    _, findings = examined(collector.db)
    assert findings["amounts"]["state"] == "warn"
    assert "3 of the last 5 orders have no amount that can be read" in findings["amounts"]["means"]
    collector.client.get("/readyz")
    assert "\nfootfall_orders_without_total_lately 3.0\n" in collector.client.get("/metrics").text


# A sample of the log ------------------------------------------------------------------------------------------------


def views(url: str, first_day: float, last_day: float, a_day: int, now: int, **fields: Any) -> list[Event]:
    """Page views, evenly from one day before now to another."""
    n = int((first_day - last_day) * a_day)
    times = [int(now - first_day * DAY_MS + k * DAY_MS / a_day) for k in range(n)]
    return [
        call(f"{url}{time}", "page", time=time, received=time, url=url.format(time), visitor=f"v{k}", **fields)
        for k, time in enumerate(times)
    ]


def lately(db: Path, events: list[Event], now: int) -> Lately:
    with closing(SqliteStore.open(str(db))) as store:
        store.put_site(make_site())
        store.put_site(make_site("outlet"))
        store.append(sorted(events, key=lambda event: event.received))
    with Examination(str(db)) as examination:
        return examination.lately(now)


def test_a_page_that_was_seen_steadily_and_is_no_more_is_named_without_its_query(tmp_path: Path) -> None:
    now = NOW
    found = lately(
        tmp_path / "footfall.db",
        [
            *views("https://shop.example/steady", 9, 0, 100, now),
            *views("https://shop.example/gone?visit={}", 9, 2.1, 20, now),
            *views("https://shop.example/rare", 9, 2.1, 2, now),
            *views("https://shop.example/campaign", 5, 3, 200, now),
            *views("https://shop.example/varied?visit={}", 9, 0, 20, now),
        ],
        now,
    )
    assert [(page.address, page.days) for page in found.silent] == [("https://shop.example/gone", 7)]


def test_where_hardly_anything_comes_no_page_is_called_silent(tmp_path: Path) -> None:
    events = views("https://shop.example/gone", 9, 2.1, 500, NOW) + views("https://shop.example/a", 1, 0, 100, NOW)
    assert lately(tmp_path / "footfall.db", events, NOW).silent == ()


def test_each_site_is_known_by_its_last_event_and_whether_its_back_end_speaks(tmp_path: Path) -> None:
    order = call("o", "Order Completed", time=NOW - DAY_MS, received=NOW - DAY_MS, site="outlet", trust=3, user="7")
    found = lately(tmp_path / "footfall.db", [*views("https://shop.example/", 3, 1, 10, NOW), order], NOW)
    assert found.last == {"shop": NOW - DAY_MS - DAY_MS // 10, "outlet": NOW - DAY_MS}
    assert found.server == {"outlet"}


def steps(db: Path, events: int) -> int:
    """How many steps of SQLite's machine the examination of so many events takes."""
    SqliteStore.open(str(db)).close()
    with closing(sqlite3.connect(db)) as conn:
        conn.execute(
            """
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
            INSERT INTO events (place, subject, time, arrival, name, mid, page)
            SELECT 1, i % 997 + 1, ?2 - (?1 - i) * ?3 / ?1, 2, 1, 'm' || i, i % 50 FROM n
            """,
            (events, NOW, 10 * DAY_MS),
        )
        conn.execute(
            """
            INSERT INTO visits (visitor, first_seq, first_time, lasted, advanced, events, rev)
            SELECT subject, seq, time, 0, 0, 1, seq FROM events
            """
        )
        conn.commit()
    taken = 0

    def count() -> int:
        nonlocal taken
        taken += 1
        return 0

    with Examination(str(db)) as examination:
        examination._conn.set_progress_handler(count, 100)
        for ask in (examination.vitals, examination.followed, examination.joined, examination.orders):
            ask()
        examination.refusals(NOW)
        examination.lately(NOW)
    return taken


def test_what_it_costs_to_look_does_not_grow_with_the_log(tmp_path: Path) -> None:
    few, many = steps(tmp_path / "few.db", 80_000), steps(tmp_path / "many.db", 320_000)
    assert many < few * 1.1


def test_text_that_visitors_sent_is_shown_and_not_obeyed(tmp_path: Path) -> None:
    now = time.time_ns() // 1_000_000
    lately(
        tmp_path / "footfall.db",
        views("https://shop.example/\x1b[2J\u202e", 9, 2.1, 50, now) + views("https://shop.example/", 9, 0, 200, now),
        now,
    )
    said = footfall("doctor", db=tmp_path / "footfall.db").stdout
    assert "https://shop.example/�[2J�" in said
    assert "\x1b" not in said and "\u202e" not in said
