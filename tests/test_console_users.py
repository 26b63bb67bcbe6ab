"""Users and their passwords: in by one, out when it changes; tries throttled without a lock-out; what a role sees."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, footfall
from console import HOST, Console, a_console, read, words
from starlette.testclient import TestClient

from collector.errors import Misuse
from collector.store.users import Role, User
from collector.web.attempts import PER_ACCOUNT, PER_ADDRESS, Attempts
from collector.web.passwords import NOBODY, fits, hashed

PASSWORD = "correct horse battery"
HASH = hashed(PASSWORD)


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    with a_console(tmp_path) as one:
        for role in Role:
            one.store.add_user(User(name=f"the {role}", role=role, password=HASH, created=0))
        yield one


def sign_in(client: TestClient, user: str, password: str = PASSWORD, **headers: str) -> int:
    fields = {"user": user, "password": password, "next": "/console/account"}
    return client.post("/console/signin", data=fields, headers={"origin": HOST, **headers}).status_code


def is_in(client: TestClient) -> bool:
    return client.get("/console/account", follow_redirects=False).status_code == 200


def a_user(console: Console, role: Role) -> TestClient:
    client = console.stranger()
    assert sign_in(client, f"the {role}") == 303
    return client


def test_a_password_fits_however_the_keyboard_spells_it_and_no_other_does() -> None:
    composed, decomposed = "caf\u00e9 au lait", "cafe\u0301 au lait"
    assert HASH.startswith("$argon2id$")
    assert fits(decomposed, hashed(composed))
    assert not fits("correct horse batterx", HASH) and not fits("", HASH) and not fits(PASSWORD, NOBODY)
    for password in ("short", "x" * 1_001):
        with pytest.raises(Misuse, match="10 to 1000 characters"):
            hashed(password)
    assert not fits("x" * 2_000_000, HASH)


def test_a_user_signs_in_by_name_and_password_and_gets_where_he_wanted(console: Console) -> None:
    person = console.stranger()
    form = read(person.get("/console/signin?next=/console/live"))
    assert [field["name"] for field in form.select("main form input")] == ["next", "user", "password"]
    sent = {"user": " The OWNER ", "password": PASSWORD, "next": "/console/live"}
    answer = person.post("/console/signin", data=sent, headers={"origin": HOST})
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/live")
    assert "You are the owner , owner" in words(read(person.get("/console/account")).main)


@pytest.mark.parametrize(("user", "password"), [("the owner", "wrong"), ("nobody", PASSWORD), ("", ""), ("\0", "\0")])
def test_who_has_not_the_password_stays_outside_and_learns_nothing(console: Console, user: str, password: str) -> None:
    person = console.stranger()
    fields = {"user": user, "password": password, "next": ""}
    answer = person.post("/console/signin", data=fields, headers={"origin": HOST})
    assert answer.status_code == 403 and "set-cookie" not in answer.headers
    assert "User and password do not fit." in words(read(answer).main)
    assert password not in answer.text or not password.strip("\0")


def test_a_session_is_a_new_one_at_each_sign_in_and_the_one_before_ends(console: Console) -> None:
    person, thief = a_user(console, Role.OWNER), console.stranger()
    before = person.cookies["footfall_console"]
    assert sign_in(person, "the owner") == 303
    assert person.cookies["footfall_console"] != before
    thief.cookies.set("footfall_console", before)
    assert not is_in(thief) and is_in(person)


def test_a_new_password_or_a_removal_ends_the_users_sessions_and_no_others(console: Console) -> None:
    owner, support, analyst = (a_user(console, role) for role in (Role.OWNER, Role.SUPPORT, Role.ANALYST))
    console.store.change_user("the support", None, hashed("another password"))
    assert (is_in(owner), is_in(support), is_in(analyst)) == (True, False, True)
    assert sign_in(support, "the support") == 403
    assert sign_in(support, "the support", "another password") == 303
    console.store.remove_user("the analyst")
    assert (is_in(owner), is_in(support), is_in(analyst)) == (True, True, False)


def test_a_sign_in_does_not_outlive_the_password_that_it_was_judged_by(console: Console) -> None:
    user = next(one for one in console.store.users() if one.role is Role.SUPPORT)
    console.store.change_user(user.name, None, hashed("another password"))
    assert not console.store.begin_session(user, "hash", None, 0)


def test_another_role_counts_at_once(console: Console) -> None:
    person = a_user(console, Role.OWNER)
    assert person.get("/console/users").status_code == 200
    console.store.change_user("the owner", Role.SUPPORT, None)
    assert person.get("/console/users").status_code == 403
    assert is_in(person)


def test_each_role_is_offered_what_it_may_do(console: Console) -> None:
    offered = {
        role: [words(a) for a in read(a_user(console, role).get("/console/account")).select(".side .nav a")]
        for role in Role
    }
    common = ["Home", "Live", "Customers", "Visitors", "Install", "Quarantine"]
    assert offered[Role.SUPPORT] == offered[Role.ANALYST] == common
    assert offered[Role.OWNER] == [*common, "Sites and tokens", "Users", "Audit log"]


def test_owners_add_change_and_remove_users_in_the_console(console: Console) -> None:
    page = console.page("/console/users")
    form = page.select_one("main section form")
    refused = console.submit(form, 400, name="Ann@Shop.example", password="short")
    assert "10 to 1000 characters" in words(refused.main)
    assert refused.select("input[name=name]")[-1]["value"] == "Ann@Shop.example"
    taken = console.submit(form, 400, name="the owner", password=PASSWORD)
    assert "There is a user named the owner already" in words(taken.main)
    page = console.submit(form, name="Ann@Shop.example", password=PASSWORD, role="analyst")
    assert "The user was added" in words(page.main)
    assert PASSWORD not in str(page) and "argon2" not in str(page)
    ann = console.stranger()
    assert sign_in(ann, "ann@shop.example") == 303

    def forms() -> list[Any]:
        row = next(tr for tr in console.page("/console/users").select("tbody tr") if "ann@" in words(tr))
        return row.select("form")

    console.submit(forms()[0], role="owner")
    assert ann.get("/console/users").status_code == 200
    console.submit(forms()[1], 400, password="short")
    console.submit(forms()[1], password="another password")
    assert not is_in(ann) and sign_in(ann, "ann@shop.example", "another password") == 303
    console.submit(forms()[2])
    assert not is_in(ann)
    assert "user ann@shop.example" in words(console.page("/console/audit").main)


def test_a_person_changes_their_own_password_and_stays_in_here_alone(console: Console) -> None:
    here, there = a_user(console, Role.SUPPORT), a_user(console, Role.SUPPORT)
    form = read(here.get("/console/account")).select_one("main form")
    assert form is not None
    csrf = str(form.select("input")[0]["value"])
    fields = {"csrf": csrf, "present": "wrong one here", "password": "a better password"}
    assert here.post(str(form["action"]), data=fields, headers={"origin": HOST}).status_code == 400
    fields["present"] = PASSWORD
    assert here.post(str(form["action"]), data=fields, headers={"origin": HOST}).status_code == 303
    assert is_in(here) and not is_in(there)
    assert sign_in(there, "the support", "a better password") == 303


def test_what_was_typed_when_the_session_had_ended_is_shown_to_be_copied(console: Console) -> None:
    late = console.stranger()
    fields = {"csrf": "x", "text": "She <b>called</b> back", "kind": "note", "id": "7"}
    answer = late.post("/console/customers/42/remarks", data=fields, headers={"origin": HOST})
    page = read(answer)
    assert answer.status_code == 401
    assert [area.text.strip() for area in page.select("textarea")] == ["She <b>called</b> back", "note"]
    foreign = late.post("/console/customers/42/remarks", data=fields, headers={"origin": "https://evil.example"})
    assert foreign.status_code == 303 and "called" not in foreign.text


# Throttling --------------------------------------------------------------------------------------------------------


def tries(attempts: Attempts, address: str, account: str, n: int, now_s: float = 0.0) -> int:
    """How many of n tries were let through; all of them fail."""
    return sum(attempts.wait_s(address, account, now_s) == 0.0 for _ in range(n))


def test_one_address_has_few_tries_whatever_accounts_it_names() -> None:
    attempts = Attempts()
    assert sum(tries(attempts, "203.0.113.9", f"account {n}", 1) for n in range(100)) == PER_ADDRESS[0]
    assert tries(attempts, "203.0.113.9", "anna", 5, now_s=PER_ADDRESS[1]) == 1
    assert tries(attempts, "198.51.100.1", "anna", 1) == 1


def test_one_account_has_few_tries_wherever_they_are_made() -> None:
    attempts = Attempts()
    assert sum(tries(attempts, f"203.0.113.{n}", "anna", 1) for n in range(100)) == PER_ACCOUNT[0]


def test_an_ipv6_network_is_one_address() -> None:
    attempts = Attempts()
    assert sum(tries(attempts, f"2001:db8::{n:x}", f"account {n}", 1) for n in range(100)) == PER_ADDRESS[0]
    assert tries(attempts, "2001:db8:0:1::1", "anna", 1) == 1


def test_guesses_made_elsewhere_lock_nobody_out_from_where_they_signed_in_before() -> None:
    attempts = Attempts()
    assert attempts.wait_s("198.51.100.1", "anna", 0.0) == 0.0
    attempts.succeed("198.51.100.1", "anna")
    for n in range(200):
        attempts.wait_s(f"203.0.113.{n}", "anna", 1.0)
    assert attempts.wait_s("203.0.113.200", "anna", 1.0) > 0
    assert attempts.wait_s("198.51.100.1", "anna", 1.0) == 0.0


def test_who_knows_the_password_is_never_throttled() -> None:
    attempts = Attempts()
    for _ in range(1_000):
        assert attempts.wait_s("198.51.100.1", "anna", 0.0) == 0.0
        attempts.succeed("198.51.100.1", "anna")


def test_memory_does_not_grow_with_those_who_try() -> None:
    attempts = Attempts()
    for n in range(30_000):
        attempts.wait_s(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", f"account {n}", 0.0)
        attempts.succeed(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", f"account {n}")
    held = len(attempts._addresses._full_at) + len(attempts._accounts._full_at) + len(attempts._known)
    assert held <= 2 * 8_192 + 1_000


def test_of_too_many_who_wait_to_be_judged_the_last_are_sent_away_and_memory_stays_small() -> None:
    async def crowd() -> int:
        attempts = Attempts()
        judged = await asyncio.gather(*(attempts.judge("wrong", NOBODY) for _ in range(25)), return_exceptions=True)
        return sum(isinstance(one, Exception) for one in judged)

    assert asyncio.run(crowd()) == 5


def test_too_many_tries_are_answered_with_how_long_to_wait_and_a_link_still_opens(console: Console) -> None:
    person = console.stranger()
    answers = [sign_in(person, "the owner", "wrong") for _ in range(PER_ADDRESS[0] + 2)]
    assert answers == [403] * PER_ADDRESS[0] + [429] * 2
    fields = {"user": "the owner", "password": PASSWORD, "next": ""}
    refused = person.post("/console/signin", data=fields, headers={"origin": HOST})
    assert refused.status_code == 429 and int(refused.headers["retry-after"]) > 0
    assert console.sign_in(person).status_code == 303
    console.clock.ms += 16_000
    assert sign_in(console.stranger(), "the owner") == 303


# The command -------------------------------------------------------------------------------------------------------


def command(db: Path, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    whole = [sys.executable, "-m", "collector", "user", *arguments, "--db", str(db)]
    return subprocess.run(whole, cwd=ROOT, capture_output=True, text=True, input=typed, timeout=60, check=False)


def test_users_are_added_listed_changed_and_removed_and_their_passwords_read_from_stdin(tmp_path: Path) -> None:
    db = tmp_path / "footfall.db"
    added = command(db, "add", "Ann@Shop.example", "--role", "support", "--json", typed=f"{PASSWORD}\n")
    assert json.loads(added.stdout) == {"user": "ann@shop.example", "role": "support"}
    assert command(db, "add", "bob", "--role", "owner", typed="short\n").returncode == 2
    assert command(db, "add", "ann@shop.example", "--role", "owner", typed=f"{PASSWORD}\n").returncode == 2
    assert command(db, "add", "bob", "--role", "king", typed=PASSWORD).returncode == 2
    edited = command(db, "edit", "ann@shop.example", "--role", "analyst", "--password", typed="another password\n")
    assert edited.returncode == 0, edited.stderr
    listed = json.loads(footfall("user", "list", "--json", db=db).stdout)
    assert [(one["user"], one["role"]) for one in listed] == [("ann@shop.example", "analyst")]
    assert "argon2" not in footfall("user", "list", "--json", db=db).stdout
    conn = sqlite3.connect(db)
    [(kept,)] = conn.execute("SELECT password FROM users")
    conn.close()
    assert fits("another password", kept) and not fits(PASSWORD, kept)
    assert command(db, "remove", "ann@shop.example").returncode == 0
    assert command(db, "remove", "ann@shop.example").returncode == 1
