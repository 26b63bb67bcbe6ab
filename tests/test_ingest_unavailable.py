"""When the disk fails or too much waits: 503 with Retry-After, and never a 200 for what is not safe."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import sys
import time
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from conftest import SHOP, Start, make_site, only_child


def call() -> dict[str, object]:
    properties = {"filler": "x" * 4_000}
    return {"event": "Tried", "anonymousId": "v1", "messageId": str(uuid4()), "properties": properties}


def test_too_much_at_once_is_503_and_kept_nowhere(start: Start) -> None:
    collector = start(make_site(), flags=("--queue-events-max", "2"))
    batch = {"writeKey": "wk_shop", "batch": [call() for _ in range(3)]}
    answer = collector.post("/v1/batch", batch, origin=SHOP)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.headers["access-control-allow-origin"] == SHOP
    assert answer.json()["error"]["code"] == "unavailable"
    assert collector.stored() == []
    assert collector.post("/v1/track", call() | {"writeKey": "wk_shop"}).status_code == 200


@pytest.mark.skipif(sys.platform != "linux", reason="needs prlimit")
def test_a_disk_that_is_full_is_503_until_it_has_room_again_and_no_200_was_a_lie(start: Start) -> None:
    collector = start(make_site())
    acknowledged, refused = [], []

    def post() -> int:
        message = call() | {"writeKey": "wk_shop"}
        status = collector.post("/v1/track", message).status_code
        (acknowledged if status == 200 else refused).append(message["messageId"])
        return status

    writing = collector.writing
    _, hard = resource.prlimit(writing, resource.RLIMIT_FSIZE)
    resource.prlimit(writing, resource.RLIMIT_FSIZE, (400_000, hard))
    statuses = {post() for _ in range(200)}
    assert statuses == {200, 503}
    assert collector.client.get("/readyz").status_code == 503
    assert collector.client.get("/healthz").status_code == 200

    resource.prlimit(writing, resource.RLIMIT_FSIZE, (hard, hard))
    assert post() == 200
    assert collector.client.get("/readyz").status_code == 200
    assert sorted(collector.stored()) == sorted(str(id) for id in acknowledged)


@pytest.mark.skipif(sys.platform != "linux", reason="finds the process in /proc")
def test_when_what_writes_is_killed_another_takes_over_and_no_200_was_a_lie(start: Start) -> None:
    collector = start(make_site())
    acknowledged, unsure = [], []

    def post() -> int:
        message = call() | {"writeKey": "wk_shop"}
        status = collector.post("/v1/track", message).status_code
        (acknowledged if status == 200 else unsure).append(message["messageId"])
        return status

    for _ in range(3):
        assert post() == 200
        os.kill(collector.writing, signal.SIGKILL)
        deadline_s = time.monotonic() + 20
        while post() != 200 and time.monotonic() < deadline_s:
            time.sleep(0.02)
    assert collector.client.get("/readyz").status_code == 200
    stored = collector.stored()
    assert set(acknowledged) <= set(stored) <= set(acknowledged) | set(unsure)
    assert len(stored) == len(set(stored))
    assert collector.stop() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="finds the process in /proc")
@pytest.mark.parametrize("killed", ["collector", "writing"])
def test_what_writes_ends_with_whom_it_writes_for_even_when_that_is_killed(start: Start, killed: str) -> None:
    collector = start(make_site())
    left = [collector.following] if killed == "writing" else [collector.writing, collector.following]
    if killed == "writing":
        os.kill(collector.writing, signal.SIGKILL)
    else:
        collector.stop(signal.SIGKILL)
    deadline_s = time.monotonic() + 20
    while any(runs(each) for each in left):
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


def runs(pid: int) -> bool:
    """Whether there is such a process, and it has not ended."""
    with suppress(FileNotFoundError):
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="finds the process in /proc")
def test_while_what_files_hangs_calls_are_kept_and_a_look_up_waits_for_them(start: Start) -> None:
    collector = start(make_site())
    following = collector.following
    os.kill(following, signal.SIGSTOP)
    try:
        for n in range(20):
            assert collector.post("/v1/track", call() | {"writeKey": "wk_shop", "anonymousId": f"v{n}"}).is_success
        with sqlite3.connect(collector.db) as conn:
            assert conn.execute("SELECT count(*) FROM events").fetchone() == (0,)
        with pytest.raises(httpx.ReadTimeout):
            collector.client.get("/readyz", timeout=0.5)
    finally:
        os.kill(following, signal.SIGCONT)
    assert collector.client.get("/readyz").status_code == 200
    assert len(collector.stored()) == 20


@pytest.mark.skipif(sys.platform != "linux", reason="finds the process in /proc")
def test_when_what_files_is_killed_calls_go_on_being_kept_and_another_files_them(start: Start) -> None:
    collector = start(make_site())
    writing, kept = collector.writing, 0
    for _ in range(3):
        killed = only_child(writing)
        os.kill(killed, signal.SIGKILL)
        for n in range(20):
            kept += 1
            message = call() | {"writeKey": "wk_shop", "anonymousId": f"v{n}"}
            assert collector.post("/v1/track", message).status_code == 200
        deadline_s = time.monotonic() + 20
        while collector.client.get("/readyz").status_code != 200:
            assert time.monotonic() < deadline_s
            time.sleep(0.02)
        assert only_child(writing) != killed
    assert collector.writing == writing
    stored = collector.stored()
    assert (len(stored), len(set(stored))) == (kept, kept)
    assert collector.stop() == 0
