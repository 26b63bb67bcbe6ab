"""The audit log: who did what to whom, by which way; nothing of a person who is gone; nobody waits for it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from browsers.expecting import wait_for
from conftest import footfall
from console import HOST, Console, a_console, words
from shop import UUID, a_busy_day

from collector.event import DAY_MS, MINUTE_MS
from collector.ingest.keys import secret_hash
from collector.store import Token
from collector.store.audit import KEPT_MS, Act, Actor, By, Deed
from collector.store.sqlite.store import SqliteStore
from collector.store.users import Role, User
from collector.web.auth import Passes
from collector.web.passwords import hashed

ROBOT = Actor(By.TOKEN, "robot")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    one = a_busy_day(tmp_path / "footfall.db")
    yield one
    one.close()


@pytest.fixture
def console(store: SqliteStore, tmp_path: Path) -> Iterator[Console]:
    store.add_user(User(name="anna", role=Role.OWNER, password=hashed("correct horse"), created=0))
    store.put_token(Token(name="robot", hash=secret_hash("ft_robot"), scopes=("admin",), created=0))
    with a_console(tmp_path, store) as one:
        fields = {"user": "anna", "password": "correct horse", "next": ""}
        assert one.client.post("/console/signin", data=fields, headers={"origin": HOST}).status_code == 200
        yield one


def deeds(store: SqliteStore, key: str | None = None) -> list[tuple[str, str, str, str, int]]:
    """By, who, did, to, times; the first first."""
    found = store.audit(key, None, 1_000)
    return [(d.actor.by.value, d.actor.name, d.act.value, d.subject, d.n) for d in reversed(found)]


def deed(subject: str, at: int, act: Act = Act.LOOKED_UP, actor: Actor = ROBOT) -> Deed:
    return Deed(actor=actor, act=act, subject=subject, time=at, last=at)


def written(console: Console) -> list[tuple[str, str, str, str, int]]:
    """What stands there after the room was looked at, which writes what waits."""
    console.page("/console/audit")
    return [one for one in deeds(console.store) if one[2] != "signed in"]


def test_the_room_tells_who_did_what_to_whom(console: Console) -> None:
    console.page("/console/customers/42")
    console.page(f"/console/customers/visitor:{UUID}")
    bearer = {"authorization": "Bearer ft_robot"}
    for path in ("/api/customers/42", "/api/customers/42/activity", "/api/customers?q=jane", "/api/export/customers"):
        assert console.client.get(path, headers=bearer).status_code == 200
    assert console.client.get("/api/customers/nobody-at-all", headers=bearer).status_code == 404
    assert written(console) == [
        ("user", "anna", "looked up", "42", 1),
        ("user", "anna", "looked up", f"visitor:{UUID}", 1),
        ("token", "robot", "looked up", "42", 2),
        ("token", "robot", "listed", "", 1),
        ("token", "robot", "exported", "customers", 1),
    ]
    page = console.page("/console/audit?key=user:42")
    assert [words(row) for row in page.select("tbody td[data-label=To]")] == ["42", "42"]


def test_what_changes_something_is_noted_before_it_is_answered(console: Console) -> None:
    bearer = {"authorization": "Bearer ft_robot"}
    visitor = console.client.get("/api/customers/42", headers=bearer).json()["visitors"][0]["visitor"]
    assert console.client.delete(f"/api/customers/42/visitors/{visitor}", headers=bearer).status_code == 204
    assert ("token", "robot", "unlinked", "42", 1) in deeds(console.store)
    assert console.client.delete("/api/customers/42", headers=bearer).status_code == 200
    assert deeds(console.store)[-1][:3] == ("token", "robot", "erased")


def test_of_who_was_erased_only_the_hash_stays_that_the_receipt_bears(console: Console) -> None:
    bearer = {"authorization": "Bearer ft_robot"}
    console.page("/console/customers/email:joe@x")
    console.page("/console/customers/42")
    receipt = console.client.delete("/api/customers/email:joe@x", headers=bearer).json()["hash"]
    told = written(console)
    assert [one[3] for one in told if one[2] == "erased"] == [receipt]
    assert ("user", "anna", "looked up", receipt, 1) in told
    assert ("user", "anna", "looked up", "42", 1) in told
    assert "joe@x" not in str(told)
    # Who has the receipt, or asks for the key again, finds what was done.
    assert [one[2] for one in deeds(console.store, "email:joe@x")] == ["looked up", "erased"]


def test_a_look_up_that_is_written_after_the_erasure_names_nobody_either(store: SqliteStore) -> None:
    store.erase("email:joe@x", 1)
    store.note([deed("email:joe@x", 2), deed("EMAIL:nobody", 2), deed("visitor:nobody", 2), deed("42", 2)])
    assert [one.hashed for one in reversed(store.audit(None, None, 9))] == [True, True, True, False]
    assert "joe" not in str(deeds(store))


def test_the_same_again_and_again_is_one_line_that_counts(store: SqliteStore) -> None:
    for minute in (0, 1, 9, 11, 12):
        store.note([deed("42", minute * MINUTE_MS)])
    store.note([deed("42", 12 * MINUTE_MS, actor=Actor(By.USER, "robot"))])
    store.note([deed("email:jane@x", 12 * MINUTE_MS)])
    assert [(by, to, n) for by, _, _, to, n in deeds(store)] == [
        ("token", "42", 3),
        ("token", "42", 2),
        ("user", "42", 1),
        ("token", "email:jane@x", 1),
    ]


def test_it_is_kept_for_a_year(store: SqliteStore) -> None:
    for day in range(5):
        store.note([deed("42", day * DAY_MS)])
    store.note([deed("42", KEPT_MS + 2 * DAY_MS)])
    assert [one.time // DAY_MS for one in store.audit(None, None, 9)] == [367, 4, 3, 2]


def test_it_is_read_page_by_page(store: SqliteStore) -> None:
    for n in (*range(7), 3, 3):
        store.note([deed(f"dataset {n}", min(n, 6), Act.EXPORTED)])
    read: list[str] = []
    before = None
    while page := store.audit(None, before, 3):
        read += [one.subject for one in page]
        before = (page[-1].last, page[-1].id)
    assert read == [f"dataset {n}" for n in reversed(range(7))]


def test_what_was_done_again_stands_where_its_last_time_puts_it(store: SqliteStore) -> None:
    for minute, subject in enumerate(("42", "email:jane@x", "visitor:tablet", "42")):
        store.note([deed(subject, minute * MINUTE_MS)])
    told = store.audit(None, None, 9)
    assert [one.subject for one in told] == ["42", "visitor:tablet", "email:jane@x"]
    assert [one.last for one in told] == [3 * MINUTE_MS, 2 * MINUTE_MS, MINUTE_MS]
    assert [one.subject for one in store.audit(None, (told[0].last, told[0].id), 9)] == [
        "visitor:tablet",
        "email:jane@x",
    ]
    # The next page begins where the last one ended, whatever was done again meanwhile.
    store.note([deed("visitor:tablet", 4 * MINUTE_MS)])
    assert [one.subject for one in store.audit(None, (told[1].last, told[1].id), 9)] == ["email:jane@x"]
    assert [one.last for one in store.audit("42", None, 9)] == [3 * MINUTE_MS]
    assert store.audit("42", (told[0].last, told[0].id), 9) == []


def test_the_rooms_older_deeds_follow_the_newer_ones(console: Console) -> None:
    console.store.note([deed(f"dataset {n:03}", n * MINUTE_MS, Act.EXPORTED) for n in range(120)])
    console.store.note([deed("dataset 115", 120 * MINUTE_MS, Act.EXPORTED)])
    console.store.note([deed("dataset 119", 119 * MINUTE_MS, Act.EXPORTED)])
    read: list[str] = []
    address = "/console/audit"
    for _ in range(3):
        page = console.page(address)
        read += [words(cell) for cell in page.select("tbody td[data-label=To]")]
        older = page.find("a", string=re.compile("Older"))
        address = str(older["href"]) if older else address
    shown = [one.removeprefix("dataset ") for one in read if one.startswith("dataset")]
    assert shown == ["115", *(f"{n:03}" for n in reversed(range(120)) if n != 115)]
    assert "dataset 119" in words(console.page("/console/audit?before=nonsense").main)


def test_when_the_log_cannot_be_written_the_look_up_is_answered_and_noted_later(console: Console) -> None:
    waits = console.app.state.audit
    for _ in range(3):
        waits.note(ROBOT, Act.LOOKED_UP, "42")
    assert ("token", "robot", "looked up", "42", 3) in written(console)


def test_commands_are_noted_too_and_footfall_audit_reads_them(store: SqliteStore) -> None:
    db = store.path
    for arguments in (("customer", "42"), ("export", "customers", "--out", "-"), ("forget", "email:joe@x", "--yes")):
        assert footfall(*arguments, db=db).returncode == 0
    rows: list[dict[str, Any]] = [json.loads(line) for line in footfall("audit", "--json", db=db).stdout.splitlines()]
    assert [(row["by"], row["act"], row["hashed"]) for row in reversed(rows)] == [
        ("command", "looked up", False),
        ("command", "exported", False),
        ("command", "erased", True),
    ]
    shown = footfall("audit", "--key", "42", db=db).stdout
    assert "looked up" in shown and "exported" not in shown


def test_commands_that_change_something_are_noted_as_the_console_notes_it(tmp_path: Path) -> None:
    db, history = tmp_path / "footfall.db", tmp_path / "customers.csv"
    history.write_text("id,email\n42,jane@x.example\n")
    commands: list[tuple[tuple[str, ...], str]] = [
        (("site", "add", "shop"), "changed site shop"),
        (("site", "edit", "shop"), ""),
        (("site", "edit", "shop", "--timezone", "Europe/Paris"), "changed site shop"),
        (("site", "edit", "shop", "--keep-orders", "90"), "changed site shop"),
        (("site", "rotate-key", "shop", "--key", "secret"), "changed site shop"),
        (("token", "create", "desk", "--scope", "read"), "changed token desk"),
        (("token", "revoke", "desk"), "changed token desk"),
        (("user", "add", "Anna", "--role", "owner"), "changed user anna"),
        (("user", "edit", "ANNA", "--role", "support"), "changed user anna"),
        (("user", "remove", "Anna"), "changed user anna"),
        (("signin-link",), "made a sign-in link "),
        (("import", "customers", str(history), "--dry-run"), ""),
        (("import", "customers", str(history)), "imported customers"),
        (("rebuild",), "rebuilt database"),
        (("site", "remove", "shop"), "changed site shop"),
    ]
    told, shown = Counter[str](), ""
    for arguments, wanted in commands:
        typed = "correct horse battery" if arguments[:2] == ("user", "add") else ""
        done = footfall(*arguments, db=db, typed=typed)
        assert done.returncode == 0, done.stderr
        shown += done.stdout
        with closing(SqliteStore.open(str(db))) as store:
            noted = Counter({f"{act} {to}": n for by, _, act, to, n in deeds(store) if by == "command"})
        assert noted - told == Counter([wanted] if wanted else []), arguments
        told = noted
    secrets = set(re.findall("(?:wk|sk|ik|ft|sl)_[A-Za-z0-9]{32}", shown))
    assert len(secrets) == 6
    assert not [secret for secret in secrets if secret in str(told)]


def test_a_restore_is_noted_in_the_restored_file(store: SqliteStore, tmp_path: Path) -> None:
    copy, db = tmp_path / "copy.db", tmp_path / "restored.db"
    assert footfall("backup", str(copy), db=store.path).returncode == 0
    assert footfall("restore", str(copy), "--without-tombstones", db=db).returncode == 0
    with closing(SqliteStore.open(str(db))) as restored:
        assert [one[2:] for one in deeds(restored)] == [("restored", "database", 1)]


def test_a_token_shows_when_it_was_last_used(console: Console) -> None:
    def used() -> int | None:
        return next(one.used for one in console.store.tokens() if one.name == "robot")

    assert used() is None
    assert console.client.get("/api/customers", headers={"authorization": "Bearer ft_robot"}).status_code == 200
    wait_for(lambda: used() is not None, lambda: "its use was not kept")
    row = next(row for row in console.page("/console/sites").select("#tokens tbody tr") if "robot" in words(row))
    assert "never" not in words(row.select_one("td[data-label='Last used']"))


def test_the_use_of_a_token_is_told_once_a_minute() -> None:
    passes = Passes()
    passes.replace([Token(name="robot", hash=secret_hash("ft_robot"), scopes=("read",), created=0)])
    robot = passes.find("ft_robot")
    assert robot is not None
    told = []
    for at in (0, 1, 59_999, 60_000, 60_001):
        passes.use(robot, at)
        told.append(passes.used())
    assert told == [[(robot.hash, 0)], [], [], [(robot.hash, 60_000)], []]
