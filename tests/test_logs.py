"""Logs: one line a record, JSON where asked for, and nothing about a person in any of them."""

from __future__ import annotations

import json
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import FIREFOX, READER, ROOT, footfall, make_site

from collector import logs
from collector.errors import Misuse, Unavailable
from collector.ingest.keys import secret_hash
from collector.logs import scrubbed
from collector.store import Token
from collector.store.sqlite.store import SqliteStore

VISITOR = "0b1f5a2e-7c1d-4f5e-9a8b-1234567890ab"


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """What a test sets up is for it alone."""
    root, ours = logging.getLogger(), logging.getLogger("collector")
    before = (root.handlers[:], root.level, ours.level)
    yield
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    ours.setLevel(before[2])


@pytest.mark.parametrize(
    "text, wanted",
    [
        ("jane@x.example came from 203.0.113.9:8080", "[email] came from [address]:8080"),
        ("mailto:jane@x", "mailto:[email]"),
        ("from [2001:db8::1] and ::1", "from [[address]] and [address]"),
        ("from 2001:db8:a0:1:2:3:4:5.", "from [address]."),
        ("GET /p?email=jane%40x.example HTTP/1.1", "GET /p?[…] HTTP/1.1"),
        ("https://shop.example/reset#token=abc", "https://shop.example/reset?[…]"),
        ("key sk_abcdefghijklmnopqrstuvwxyz012345", "key [key]"),
        (f"visitor {VISITOR}", "visitor [id]"),
        ("two\nlines, \x1b[2J and \u202e a turn", "two lines, �[2J and � a turn"),
        ("SQLite 3.40.1 at 12:00:05 in footfall.db: why?", "SQLite 3.40.1 at 12:00:05 in footfall.db: why?"),
    ],
)
def test_what_tells_of_a_person_or_opens_a_door_is_not_logged(text: str, wanted: str) -> None:
    assert scrubbed(text) == wanted


def logged(capsys: pytest.CaptureFixture[str], log_format: str, error: Exception) -> str:
    logs.set_up(log_format)
    try:
        raise error
    except Exception as raised:
        logging.getLogger("collector.test").error("it failed for %s", "jane@x", exc_info=raised)
    return capsys.readouterr().err


def test_of_an_error_of_unknown_making_only_kind_and_place_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    line = json.loads(logged(capsys, "json", KeyError("Jane Doe")))
    assert (line["level"], line["logger"], line["message"]) == ("error", "collector.test", "it failed for [email]")
    (error,) = line["errors"]
    assert (error["type"], error["message"]) == ("KeyError", "")
    assert error["at"][0].startswith("tests/test_logs.py:") and error["at"][0].endswith(" logged")


@pytest.mark.parametrize(
    "error", [sqlite3.OperationalError("disk I/O error"), OSError(28, "No space left"), Unavailable("not now")]
)
def test_what_the_disk_says_is_told(capsys: pytest.CaptureFixture[str], error: Exception) -> None:
    assert json.loads(logged(capsys, "json", error))["errors"][0]["message"] == str(error)


def test_text_is_one_line_too(capsys: pytest.CaptureFixture[str]) -> None:
    said = logged(capsys, "text", OSError(28, "No space left"))
    assert said.count("\n") == 1
    assert "ERROR collector.test it failed for [email] | OSError: [Errno 28] No space left at tests/test_logs" in said


def test_a_task_that_died_does_not_tell_what_it_held(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("text")
    logging.getLogger("asyncio").error("Task exception was never retrieved\nfuture: <Task exception=KeyError('Jane')>")
    said = capsys.readouterr().err
    assert "never retrieved" in said and "Jane" not in said


def test_there_are_two_formats() -> None:
    with pytest.raises(Misuse):
        logs.set_up("yaml")
    assert footfall("serve", "--log-format", "yaml", db="nowhere.db").returncode == 2


@contextmanager
def running(db: Path, log: Path) -> Iterator[tuple[httpx.Client, int]]:
    """A collector that logs as JSON, and its process id."""
    with closing(SqliteStore.open(str(db))) as store:
        store.put_site(make_site())
        store.put_token(Token(name="reader", hash=secret_hash(READER), scopes=("admin",), created=0))
    command = [sys.executable, "-m", "collector", "serve", "--port", "0", "--db", str(db), "--log-format", "json"]
    with log.open("wb") as err:
        process = subprocess.Popen(command, cwd=ROOT, stderr=err, stdout=subprocess.PIPE)
    try:
        started = lines(log, 1)[0]["message"]
        port = started.removeprefix("takes calls on port ").partition(",")[0]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"user-agent": FIREFOX}) as client:
            yield client, process.pid
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=40)
        assert (process.returncode, said) == (0, b"")
    finally:
        process.kill()
        process.communicate()


def lines(log: Path, at_least: int) -> list[dict[str, Any]]:
    deadline_s = time.monotonic() + 40
    while time.monotonic() < deadline_s:
        found = log.read_text().splitlines()
        if len(found) >= at_least:
            return [json.loads(line) for line in found]
        time.sleep(0.05)
    raise AssertionError(log.read_text())


def test_all_that_a_collector_says_is_json_without_a_word_about_anybody(tmp_path: Path) -> None:
    db, log = tmp_path / "footfall.db", tmp_path / "log"
    with running(db, log) as (client, pid):
        told = {"writeKey": "wk_shop", "type": "identify", "userId": "jane-7", "traits": {"email": "jane@x.example"}}
        assert client.post("/v1/identify", json=told | {"anonymousId": VISITOR}).status_code == 200
        assert client.get("/readyz").status_code == 200
        with closing(sqlite3.connect(db)) as conn:
            conn.execute("DROP TABLE customers")
        reader = {"authorization": f"Bearer {READER}"}
        answer = client.get("/api/customers/email:jane%40x.example?token=hush", headers=reader)
        # A fault of ours; or unavailable, where what writes met it first.
        assert answer.status_code in (500, 503)
        lines(log, 2)
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGKILL)
        lines(log, 3)
    said = lines(log, 4)
    assert said[0]["level"] == "info" and str(db) in said[0]["message"]
    assert "what writes has ended; another is started" in [line["message"] for line in said]
    assert any(error["type"] == "OperationalError" for line in said for error in line.get("errors", []))
    for secret in ("jane", VISITOR, READER, "hush", "wk_shop", "127.0.0.1"):
        assert secret not in log.read_text(), secret
    assert said[-1]["message"] == "ended as it was told to"
