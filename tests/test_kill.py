"""`kill -9` at any moment: nothing that was acknowledged is lost, and nothing is there twice."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import threading
import time
from contextlib import suppress
from uuid import uuid4

import httpx
import pytest
from conftest import FIREFOX, Collector, Start, make_site, only_child

from collector.ingest.writer import RELAUNCH_AFTER_S

CONNECTIONS = 4
ROUNDS, ROUNDS_OF_SOAK = 3, 100


class Sender(threading.Thread):
    """Sends call after call, and again what was not acknowledged, until it is told to stop."""

    def __init__(self, url: str, unsure: list[str]) -> None:
        super().__init__()
        self.url = url
        self.acknowledged: list[str] = []
        self.unsure = unsure
        self.statuses: set[int] = set()
        self.stopped = threading.Event()

    def run(self) -> None:
        with httpx.Client(base_url=self.url, headers={"user-agent": FIREFOX}) as client:
            while not self.stopped.is_set():
                id = self.unsure.pop() if self.unsure else str(uuid4())
                call = {"writeKey": "wk_shop", "event": "Tried", "anonymousId": f"v{id[:2]}", "messageId": id}
                try:
                    status = client.post("/v1/track", content=json.dumps(call)).status_code
                except httpx.TransportError:
                    self.unsure.append(id)
                    return
                self.statuses.add(status)
                if status == 503:
                    time.sleep(0.01)
                (self.acknowledged if status == 200 else self.unsure).append(id)


def play(collector: Collector, unsure: list[str], seconds: float) -> list[str]:
    """Load until some call was acknowledged, a while more, then kill -9; two times of three also what keeps or files.

    Returns what was acknowledged, and leaves in `unsure` what was not.
    """
    senders = [Sender(collector.url, [unsure.pop()] if unsure else []) for _ in range(CONNECTIONS)]
    for sender in senders:
        sender.start()
    deadline_s = time.monotonic() + 30
    while not any(sender.statuses for sender in senders) and time.monotonic() < deadline_s:
        time.sleep(0.01)
    time.sleep(seconds)
    first = random.choice(["", "keeps", "files"])
    if first and sys.platform == "linux":
        with suppress(ProcessLookupError, FileNotFoundError, ValueError):
            os.kill(collector.writing_now if first == "keeps" else only_child(collector.writing_now), signal.SIGKILL)
        time.sleep(random.uniform(0.0, 2 * RELAUNCH_AFTER_S))
    collector.stop(signal.SIGKILL)
    for sender in senders:
        sender.stopped.set()
        sender.join()
        assert sender.statuses <= {200, 503}
    unsure.extend(id for sender in senders for id in sender.unsure)
    return [id for sender in senders for id in sender.acknowledged]


def survive(collector: Collector, rounds: int) -> None:
    acknowledged: list[str] = []
    unsure: list[str] = []
    for _ in range(rounds):
        acknowledged += play(collector, unsure, random.uniform(0.0, 1.0))
        collector.start()
        stored = collector.stored()
        assert len(stored) == len(set(stored))
        assert set(acknowledged) <= set(stored)
        assert set(stored) <= {*acknowledged, *unsure}
        assert collector.query("PRAGMA integrity_check") == [("ok",)]
    assert acknowledged
    assert collector.client.get("/readyz").status_code == 200
    sys.stdout.write(f"{rounds} kills: {len(acknowledged)} acknowledged, all there once; {len(unsure)} unanswered\n")


def test_killed_and_started_again_it_has_each_acknowledged_event_once(start: Start) -> None:
    survive(start(make_site()), ROUNDS)


@pytest.mark.soak
@pytest.mark.skipif("FOOTFALL_SOAK" not in os.environ, reason="long; make soak")
def test_killed_many_times_it_still_has_each_acknowledged_event_once(start: Start) -> None:
    survive(start(make_site()), ROUNDS_OF_SOAK)


def test_told_to_stop_it_answers_what_it_has_taken_and_ends_with_0(start: Start) -> None:
    collector = start(make_site())
    senders = [Sender(collector.url, []) for _ in range(CONNECTIONS)]
    for sender in senders:
        sender.start()
    time.sleep(0.3)
    assert collector.stop(signal.SIGTERM) == 0
    for sender in senders:
        sender.stopped.set()
        sender.join()
    stored = collector.stored()
    assert set(stored) >= {id for sender in senders for id in sender.acknowledged}
    assert len(stored) == len(set(stored))
