"""The command line, as a script sees it: output, exit codes, one line on stderr."""

from __future__ import annotations

import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, Start, footfall, make_site
from shop import a_busy_day

from collector.config import SETTINGS, Settings, read_settings
from collector.errors import Misuse


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "footfall.db"


def answer(*arguments: str, db: Path) -> Any:
    done = footfall(*arguments, "--json", db=db)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_site_add_makes_the_database_and_prints_keys_and_the_tag(db: Path) -> None:
    added = answer("site", "add", "shop", "--origin", "https://Shop.example/", "--url", "https://c.example/", db=db)
    assert set(added) == {"site", "write_key", "secret_key", "identity_key", "tag"}
    assert added["tag"] == f'<script async src="https://c.example/f.js" data-key="{added["write_key"]}"></script>'
    for field, prefix in (("write_key", "wk"), ("secret_key", "sk"), ("identity_key", "ik")):
        assert re.fullmatch(prefix + "_[A-Za-z0-9]{32}", added[field])
    assert db.stat().st_mode & 0o077 == 0
    assert answer("site", "list", db=db) == [
        {
            "site": "shop",
            "write_key": added["write_key"],
            "origins": ["https://shop.example"],
            "consent": "opt-in",
            "identity": "open",
            "timezone": "UTC",
            "ids": "",
            "staff_addresses": [],
            "cookie_domain": "",
            "prompt": "",
        }
    ]


def test_a_site_can_be_edited_its_keys_rotated_and_itself_removed(db: Path) -> None:
    added = answer("site", "add", "shop", db=db)
    edited = answer("site", "edit", "shop", "--consent", "opt-out", "--timezone", "Europe/Paris", db=db)
    assert (edited["consent"], edited["timezone"], edited["identity"]) == ("opt-out", "Europe/Paris", "open")
    rotated = answer("site", "rotate-key", "shop", "--key", "write", db=db)
    assert rotated["write_key"] != added["write_key"]
    assert rotated["write_key"] in rotated["tag"]
    assert "secret_key" in answer("site", "rotate-key", "shop", "--key", "secret", db=db)
    assert answer("site", "remove", "shop", db=db) == {"removed": "shop"}
    assert answer("site", "list", db=db) == []
    assert answer("site", "add", "shop", db=db)["site"] == "shop"


def test_a_token_is_shown_once_and_never_again(db: Path) -> None:
    token = answer("token", "create", "me", "--scope", "read", "--scope", "export", db=db)["token"]
    listed = footfall("token", "list", "--json", db=db).stdout
    assert token not in listed
    assert json.loads(listed)[0]["scopes"] == ["read", "export"]
    assert token.encode() not in db.read_bytes()
    answer("token", "revoke", "me", db=db)
    assert answer("token", "list", db=db)[0]["revoked"]


@pytest.mark.parametrize(
    "arguments, code",
    [
        ((), 2),
        (("dance",), 2),
        (("site", "add"), 2),
        (("site", "add", "shop"), 2),
        (("site", "add", "b", "--origin", "shop.example"), 2),
        (("site", "add", "b", "--timezone", "Mars"), 2),
        (("site", "add", " "), 2),
        (("site", "add", "b", "--consent", "maybe"), 2),
        (("site", "edit", "nobody"), 1),
        (("site", "rotate-key", "shop"), 2),
        (("site", "remove", "nobody"), 1),
        (("token", "create", "x"), 2),
        (("token", "create", " x", "--scope", "read"), 2),
        (("token", "create", "x", "--scope", "all"), 2),
        (("token", "revoke", "nobody"), 1),
        (("serve", "--port", "x"), 2),
        (("serve", "--port", "70000"), 2),
        (("serve", "--trusted-proxy", "proxy"), 2),
        (("serve", "--url", "collector.shop.example"), 2),
        (("site", "add", "b", "--url", "javascript:alert(1)"), 2),
        (("site", "rotate-key", "shop", "--key", "write", "--url", "shop"), 2),
        (("signin-link", "--url", "https://"), 2),
        (("import", "orders", "nowhere.csv"), 1),
        (("quarantine", "list", "--site", "nope"), 1),
        (("quarantine", "replay", "--site", "nope"), 1),
        (("export", "customers", "--all-answers"), 2),
        (("import", "pigeons", "nowhere.csv"), 2),
    ],
)
def test_a_failure_is_one_line_on_stderr_and_an_exit_code(db: Path, arguments: tuple[str, ...], code: int) -> None:
    footfall("site", "add", "shop", db=db)
    done = footfall(*arguments, db=db)
    assert (done.returncode, done.stdout) == (code, "")
    assert re.fullmatch(r"footfall: [^\n]+\n", done.stderr)


@pytest.mark.parametrize("side", ["", "-inbox", "-tombstones", "-wal"])
def test_nothing_is_written_over_the_database(db: Path, side: str) -> None:
    footfall("site", "add", "shop", db=db)
    before = db.read_bytes()
    link = db.parent / "link"
    link.symlink_to(f"{db}{side}")
    for out in (f"{db}{side}", str(link)):
        done = footfall("export", "events", "--out", out, db=db)
        assert (done.returncode, done.stdout) == (2, "") and "the database itself" in done.stderr
    assert db.read_bytes() == before


def test_no_database_is_a_failure_and_what_is_none_is_misuse(tmp_path: Path) -> None:
    assert footfall("site", "list", db=tmp_path / "none.db").returncode == 1
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "text.db").write_text("This is no database, but long enough to look like one. " * 99)
    done = footfall("site", "list", db=tmp_path / "text.db")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def test_help_and_version_are_no_failure(db: Path) -> None:
    for arguments in (("--help",), ("site", "add", "--help")):
        assert footfall(*arguments, db=db).returncode == 0


def test_serve_says_when_its_port_is_taken(db: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = footfall("serve", "--port", str(taken.getsockname()[1]), db=db)
    assert done.returncode == 1
    assert "cannot listen" in done.stderr


def test_flags_come_before_the_environment_and_that_before_defaults() -> None:
    environ = {"FOOTFALL_PORT": "9", "FOOTFALL_HOST": "::", "FOOTFALL_ORIGIN": "https://a.example, https://b.example"}
    settings = read_settings({"port": 10, "origin": ()}, environ)
    assert (settings.port, settings.host, settings.db) == (10, "::", "footfall.db")
    assert settings.origin == ("https://a.example", "https://b.example")
    assert settings.public_url == "http://[::]:10"
    with pytest.raises(Misuse):
        read_settings({}, {"FOOTFALL_PORT": "nine"})


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("port", 65_536, "port must be from 0 to 65535, not 65536"),
        ("rate_limit", -1.0, "rate-limit must be 0 or more, not -1.0"),
        ("rate_limit", float("nan"), "rate-limit must be 0 or more, not nan"),
        ("event_names_max", -1, "event-names-max must be 0 or more, not -1"),
        ("queue_events_max", 0, "queue-events-max must be 1 or more, not 0"),
    ],
)
def test_a_number_out_of_its_range_is_misuse(name: str, value: float, told: str) -> None:
    for flags, environ in (({name: value}, {}), ({}, {f"FOOTFALL_{name.upper()}": str(value)})):
        with pytest.raises(Misuse, match=f"^{re.escape(told)}$"):
            read_settings(flags, environ)


@pytest.mark.parametrize(
    "url",
    """collector.shop.example https:// http:///path ftp://shop.example javascript:alert(1) https://c.example/?a=1
    https://c.example/#a https://ann:secret@c.example https://c.example:port https://c.example:70000 HTTPS://c.example
    https://c.example/"><script> /path""".split(),  # noqa: SIM905
)
def test_a_url_that_no_browser_could_go_to_is_misuse(url: str) -> None:
    told = f"url must be an http or https URL such as https://collector.shop.example, not {url!r}"
    for flags, environ in (({"url": url}, {}), ({}, {"FOOTFALL_URL": url})):
        with pytest.raises(Misuse, match=f"^{re.escape(told)}$"):
            read_settings(flags, environ)
    with pytest.raises(Misuse):
        read_settings({"url": "https://a b"}, {})


@pytest.mark.parametrize(
    "url",
    """https://collector.shop.example https://c.example/ http://127.0.0.1:8001 http://[::1]:8000 https://münchen.example
    https://shop.example/footfall https://C.example""".split(),  # noqa: SIM905
)
def test_a_url_with_a_host_is_taken_as_it_is(url: str) -> None:
    assert read_settings({"url": url}, {}).public_url == url.rstrip("/")


def test_a_bad_url_changes_nothing(db: Path) -> None:
    before = answer("site", "add", "shop", db=db)
    for arguments in (("site", "add", "b"), ("site", "rotate-key", "shop", "--key", "write")):
        assert footfall(*arguments, "--url", "shop", db=db).returncode == 2
    assert [(one["site"], one["write_key"]) for one in answer("site", "list", db=db)] == [("shop", before["write_key"])]


def link_of(db: Path, *flags: str, **environ: str) -> str:
    """Where a sign-in link leads to."""
    done = footfall("signin-link", *flags, db=db, **environ)
    assert done.returncode == 0, done.stderr
    return done.stdout.partition("/console/")[0]


def test_a_sign_in_link_is_for_the_collector_that_runs_on_the_file(start: Start) -> None:
    collector = start(make_site())
    assert link_of(collector.db) == collector.url
    assert link_of(collector.db, "--url", "https://c.example/") == "https://c.example"
    assert link_of(collector.db, FOOTFALL_URL="https://c.example") == "https://c.example"
    assert link_of(collector.db, "--port", "9") == "http://127.0.0.1:9"
    link = footfall("signin-link", db=collector.db).stdout.strip()
    assert collector.client.get(link).status_code == 200
    collector.stop()
    assert link_of(collector.db) == "http://127.0.0.1:8000"


def test_a_sign_in_link_leads_where_the_collector_says_that_browsers_reach_it(start: Start) -> None:
    collector = start(make_site(), flags=("--url", "https://collector.shop.example/"))
    assert link_of(collector.db) == "https://collector.shop.example"


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ((), "Footfall listens at http://127.0.0.1:{port} and keeps everything in "),
        (("--url", "http://127.0.0.1:{port}/"), "Footfall listens at http://127.0.0.1:{port} and keeps everything in "),
        (
            ("--host", "0.0.0.0", "--url", "https://collector.shop.example"),
            "Footfall listens on 0.0.0.0 port {port}, is reached at https://collector.shop.example "
            "and keeps everything in ",
        ),
    ],
)
def test_serve_says_where_it_listens_and_where_it_is_reached(db: Path, flags: tuple[str, ...], told: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "collector", "serve", "--port", port, *(flag.format(port=port) for flag in flags)]
    with subprocess.Popen([*command, "--db", str(db)], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(4)]
        finally:
            process.terminate()
    assert lines[0] == told.format(port=port) + f"{db}.\n"
    assert f"--db {db}" in lines[1] and f"footfall signin-link --db {db} makes another link" in lines[2]
    assert lines[3].startswith("  http")


def watched(*arguments: str, db: Path) -> tuple[Any, str]:
    """What a command prints, and what a person reads on the terminal that its stderr is."""
    terminal, end = os.openpty()
    command = [sys.executable, "-m", "collector", *arguments, "--json", "--db", str(db)]
    done = subprocess.run(
        command, cwd=ROOT, input="correct horse battery", stdout=subprocess.PIPE, stderr=end, text=True, timeout=60
    )
    os.set_blocking(terminal, False)
    read = b""
    with suppress(BlockingIOError):
        read = os.read(terminal, 4_096)
    os.close(end)
    os.close(terminal)
    return json.loads(done.stdout), read.decode()


def test_who_watches_is_told_of_a_new_database_and_a_script_is_not(tmp_path: Path) -> None:
    for name, arguments in (
        ("site.db", ("site", "add", "shop")),
        ("token.db", ("token", "create", "desk", "--scope", "read")),
        ("user.db", ("user", "add", "anna", "--role", "owner")),
    ):
        told, read = watched(*arguments, db=tmp_path / name)
        assert told and read == f"footfall: a new database was made at {tmp_path / name}\r\n"
        assert watched("site", "add", "another", db=tmp_path / name)[1] == ""
        quiet = footfall(*arguments, "--json", db=tmp_path / f"quiet-{name}", typed="correct horse battery")
        assert (quiet.returncode, quiet.stderr) == (0, "")


def test_a_token_that_was_revoked_is_not_said_to_be_nowhere(db: Path) -> None:
    answer("token", "create", "desk", "--scope", "read", db=db)
    answer("token", "revoke", "desk", db=db)
    done = footfall("token", "revoke", "desk", db=db)
    assert (done.returncode, done.stderr) == (1, "footfall: the token desk is revoked already\n")


def test_nobody_is_asked_about_somebody_who_is_not_there(db: Path) -> None:
    a_busy_day(db).close()
    for key, told in (("nobody", "there is no customer nobody"), ("visitor:nobody", "there is no visitor nobody")):
        done = footfall("forget", key, db=db)
        assert (done.returncode, done.stdout, done.stderr) == (1, "", f"footfall: {told}\n")
    for typed in ("n\n", ""):
        asked = footfall("forget", "42", db=db, typed=typed)
        assert asked.returncode == 1 and asked.stderr.endswith("nothing is erased; --yes erases without asking\n")
        assert "Erase everything about 42?" in asked.stdout
    assert footfall("customer", "42", db=db).returncode == 0
    erased = footfall("forget", "42", db=db, typed="y\n")
    assert erased.returncode == 0
    assert re.search(r"erased \d+ events on \d devices?; receipt", erased.stdout)


def test_a_file_that_cannot_be_used_is_a_plain_line(db: Path, tmp_path: Path) -> None:
    footfall("site", "add", "shop", db=db)
    for arguments in (("export", "events", "--out", "/dev/full"), ("backup", str(tmp_path))):
        done = footfall(*arguments, db=db)
        assert done.returncode in (1, 2)
        assert re.fullmatch(r"footfall: [^\n\[]+\n", done.stderr), done.stderr


def test_one_is_one_and_not_ones(start: Start, tmp_path: Path) -> None:
    collector = start(make_site())
    told = {"writeKey": "wk_shop", "event": "Tried", "anonymousId": "v", "userId": "42"}
    assert collector.post("/v1/track", told).status_code == 200
    collector.stop()
    (tmp_path / "orders.csv").write_text("order_id,total\n,9.90\n")
    said = [
        footfall(*arguments, db=collector.db)
        for arguments in (
            ("rebuild",),
            ("customer", "42"),
            ("export", "events", "--out", str(tmp_path / "events.csv")),
            ("backup", str(tmp_path / "copy.db")),
            ("import", "orders", str(tmp_path / "orders.csv")),
            ("doctor",),
            ("forget", "42", "--yes"),
        )
    ]
    shown = "".join(done.stdout + done.stderr for done in said)
    for told in (
        "read 1 event again",
        ", 1 event",
        "1 row;",
        "holds 1 event of 1 site",
        "1 row left out",
        "on 1 device;",
    ):
        assert told in shown, told
    assert not re.search(r"\b1 (?!of)[a-z]+s\b", shown), shown


def test_files_about_people_are_not_taken_into_a_repository() -> None:
    names = ("footfall.db", "footfall.db-inbox", "footfall.db-inbox-wal", "footfall.db-lock", "footfall.db-tombstones")
    names += ("footfall.db.before-restore-20260501T080000Z", "footfall-demo.shop.db", "events.csv.part", "x.restoring")
    ignored = subprocess.run(["git", "check-ignore", *names], cwd=ROOT, capture_output=True, text=True, check=False)
    if ignored.returncode == 128:
        pytest.skip("not a git checkout")
    assert tuple(ignored.stdout.split()) == names


def test_every_setting_is_a_field_and_is_documented() -> None:
    assert tuple(name for name, _, _ in SETTINGS) == Settings.__struct_fields__
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    for name, _, _ in SETTINGS:
        assert f"`--{name.replace('_', '-')}`" in readme, name


def test_refused_calls_are_listed_and_what_passes_now_is_replayed_with_its_first_time(start: Start) -> None:
    collector = start(make_site())
    early = {"type": "track", "event": "Tried", "anonymousId": "v1"}
    batch = [{"type": "dance", "anonymousId": "v1", "messageId": "m1"}, early | {"messageId": "m2", "userId": "null"}]
    assert collector.post("/v1/batch", {"writeKey": "wk_shop", "batch": batch}).status_code == 200
    collector.stop()

    lines = footfall("quarantine", "list", "--json", db=collector.db).stdout.splitlines()
    listed = [json.loads(line) for line in lines]
    assert [one["reason"] for one in listed] == ["unknown_type", "bad_user_id"]
    assert json.loads(listed[0]["raw"])["type"] == "dance"
    untouched = {"stored": 0, "duplicate": 0, "quarantined": 2, "dropped": 0}
    assert answer("quarantine", "replay", db=collector.db) == untouched

    # As if the rules had changed since: the user id is now a good one.
    mend = "UPDATE quarantine SET raw = CAST(replace(CAST(raw AS TEXT), '\"null\"', '\"u7\"') AS BLOB)"
    conn = sqlite3.connect(collector.db)
    conn.execute(mend)
    conn.commit()
    conn.close()
    became = {"stored": 1, "duplicate": 0, "quarantined": 1, "dropped": 0}
    assert answer("quarantine", "replay", "--dry-run", db=collector.db) == became
    assert answer("quarantine", "replay", db=collector.db) == became
    assert collector.stored() == ["m2"]
    assert collector.query("SELECT time + lag FROM events") == [(listed[1]["received"],)]
    assert [one[0] for one in collector.query("SELECT reason FROM quarantine")] == ["unknown_type"]


def test_rebuild_reads_every_event_again(start: Start) -> None:
    collector = start(make_site())
    for n in range(3):
        call = {"writeKey": "wk_shop", "event": "Tried", "anonymousId": f"v{n}"}
        assert collector.post("/v1/track", call).status_code == 200
    collector.stop()
    assert answer("rebuild", db=collector.db) == {"events": 3}
