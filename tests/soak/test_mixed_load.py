"""A long run of everything at once, with kills: what was acknowledged is there once, and memory stays bounded."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from conftest import FIREFOX, Collector, Start, make_site

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif("FOOTFALL_SOAK" not in os.environ, reason="long; make soak"),
]
CONNECTIONS = 8
ROUNDS = 10
ROUND_S = 12
MEMORY_MB_MAX = 600


def message() -> dict[str, Any]:
    """Mostly good calls of few visitors; some log in, some are broken."""
    kind = random.random()
    call: dict[str, Any] = {"type": "track", "event": "Tried", "messageId": str(uuid4())}
    call["anonymousId"] = f"v{random.randrange(200)}"
    if kind < 0.1:
        call |= {"type": "identify", "userId": f"u{random.randrange(100)}"}
    elif kind < 0.2:
        call |= {"event": "Order Completed", "properties": {"order_id": str(random.randrange(1_000)), "total": "9.99"}}
    elif kind < 0.25:
        call["type"] = "dance"
    return call


class Sender(threading.Thread):
    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        self.acknowledged: list[str] = []
        self.statuses: set[int] = set()
        self.stopped = threading.Event()

    def run(self) -> None:
        with httpx.Client(base_url=self.url, headers={"user-agent": FIREFOX}, timeout=60) as client:
            while not self.stopped.is_set():
                calls = [message() for _ in range(random.randrange(1, 20))]
                try:
                    answer = client.post("/v1/batch", content=json.dumps({"writeKey": "wk_shop", "batch": calls}))
                except httpx.TransportError:
                    return
                self.statuses.add(answer.status_code)
                if answer.status_code == 200:
                    self.acknowledged += [call["messageId"] for call in calls if call["type"] != "dance"]


def memory_mb(collector: Collector) -> float:
    status = Path(f"/proc/{collector.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1_024


def test_rounds_of_load_and_kills_lose_nothing(start: Start) -> None:
    collector = start(make_site())
    acknowledged: list[str] = []
    for _ in range(ROUNDS):
        senders = [Sender(collector.url) for _ in range(CONNECTIONS)]
        for sender in senders:
            sender.start()
        time.sleep(ROUND_S * random.uniform(0.5, 1.5))
        assert memory_mb(collector) < MEMORY_MB_MAX
        collector.stop(random.choice((signal.SIGKILL, signal.SIGTERM)))
        for sender in senders:
            sender.stopped.set()
            sender.join()
            assert sender.statuses <= {200, 503}
            acknowledged += sender.acknowledged
        collector.start()
        stored = collector.stored()
        assert len(stored) == len(set(stored))
        assert set(acknowledged) <= set(stored)
    assert collector.query("PRAGMA integrity_check") == [("ok",)]
