"""More than it can take: 503 early, within bounds, and on as soon as it can; nobody's flood stalls others."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from browsers.expecting import wait_for
from conftest import READER, Collector, Start, make_site

MB = 1024 * 1024


def call(**fields: Any) -> dict[str, Any]:
    return {"type": "track", "event": "Tried", "anonymousId": "v1", "messageId": str(uuid4()), **fields}


def batch(items: list[bytes]) -> bytes:
    return b'{"writeKey":"wk_shop","batch":[' + b",".join(items) + b"]}"


class Post(threading.Thread):
    """One request that waits for its answer."""

    def __init__(self, collector: Collector, path: str, body: bytes) -> None:
        super().__init__()
        self.answer: httpx.Response | None = None
        self._asked = (collector.url + path, body, dict(collector.client.headers))
        self.start()

    def run(self) -> None:
        url, body, headers = self._asked
        self.answer = httpx.post(url, content=body, headers=headers, timeout=60)


def queued(collector: Collector) -> int:
    text = collector.client.get("/metrics").text
    return int(float(text.partition("\nfootfall_queued_events ")[2].split()[0]))


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="stops a process")
def test_while_the_disk_is_slower_than_what_comes_the_surplus_is_refused_at_once(start: Start) -> None:
    """What writes is held, as by a disk that hangs: the queue fills to its bound, the rest is 503; then it goes on."""
    collector = start(make_site(), flags=("--queue-events-max", "20"))
    writing = collector.writing
    os.kill(writing, signal.SIGSTOP)
    try:
        one = {"writeKey": "wk_shop"}
        waiting = [Post(collector, "/v1/track", json.dumps(call() | one).encode()) for _ in range(20)]
        wait_for(lambda: queued(collector) == 20 or None, lambda: f"{queued(collector)} wait")
        for _ in range(80):  # four times what it can take
            refused = collector.post("/v1/track", call() | {"writeKey": "wk_shop"})
            assert refused.status_code == 503
            assert int(refused.headers["retry-after"]) >= 1
        # Also a body that nobody would want to read is refused unread.
        assert collector.post("/v1/batch", b"\x1f\x8b not gzip at all").status_code == 503
        assert queued(collector) == 20
        assert all(each.answer is None for each in waiting)
    finally:
        os.kill(writing, signal.SIGCONT)
    for each in waiting:
        each.join()
        assert each.answer is not None and each.answer.status_code == 200
    assert collector.post("/v1/track", call() | {"writeKey": "wk_shop"}).status_code == 200
    assert queued(collector) == 0
    assert len(collector.stored()) == 21


@pytest.mark.parametrize("item", [b"{}", b'{"type":"page","anonymousId":"a"}'], ids=["void", "good"])
def test_a_batch_of_very_many_tiny_items_lets_others_be_answered_in_between(item: bytes, start: Start) -> None:
    collector = start(make_site())
    items = [item] * 4_000
    flood = Post(collector, "/v1/batch", batch(items))
    between = 0
    while flood.is_alive():
        assert collector.post("/v1/track", call() | {"writeKey": "wk_shop"}).status_code == 200
        between += 1
    assert flood.answer is not None and flood.answer.status_code == 200
    assert between > 5
    stored = collector.query("SELECT count(*) FROM events")[0][0]
    refused = collector.query("SELECT sum(n) FROM counters WHERE what LIKE 'quarantined:%'")[0][0] or 0
    assert stored + refused == len(items) + between


def test_a_large_batch_keeps_the_order_of_its_items_and_tells_of_each(start: Start) -> None:
    collector = start(make_site())
    items: list[dict[str, Any]] = [call(messageId=f"m{n}") if n % 100 else {"type": "dance"} for n in range(1_000)]
    sent = {"batch": items}
    answer = collector.post("/v1/batch?verbose=1", sent, authorization="Bearer sk_shop")
    told = answer.json()["items"]
    assert [each["outcome"] for each in told] == ["stored" if n % 100 else "quarantined" for n in range(1_000)]
    assert collector.stored() == [f"m{n}" for n in range(1_000) if n % 100]
    refused = collector.query("SELECT arrival FROM quarantine ORDER BY id")
    assert [json.loads(arrival)["index"] for (arrival,) in refused] == list(range(0, 1_000, 100))
    again = collector.post("/v1/batch?verbose=1", sent, authorization="Bearer sk_shop").json()["items"]
    assert {each["outcome"] for each in again} == {"duplicate", "quarantined"}


def test_a_slow_reader_of_an_export_neither_holds_the_wal_nor_what_comes_in(start: Start) -> None:
    """The WAL is cut to a checkpoint's worth and used again, although an export began before all of it and goes on."""
    collector = start(make_site())

    def ingest(megabytes: int) -> None:
        for _ in range(megabytes * 2):
            calls = [call(properties={"filler": os.urandom(4_000).hex()}) for _ in range(60)]
            assert collector.post("/v1/batch", {"writeKey": "wk_shop", "batch": calls}).status_code == 200

    ingest(16)
    with socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        reader.connect(("127.0.0.1", int(collector.url.rpartition(":")[2])))
        reader.sendall(
            f"GET /api/export/events?format=csv HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {READER}\r\n\r\n".encode()
        )
        assert reader.recv(100).startswith(b"HTTP/1.1 200")
        wal = Path(f"{collector.db}-wal")
        sizes = []
        for _ in range(4):
            ingest(6)
            sizes.append(wal.stat().st_size)
        assert max(sizes) < 16 * MB, sizes
        # The export is still under way: more of it comes when it is asked for.
        assert reader.recv(65_536)
    # Where the machine is busy, what files is in the middle of a long step.
    wait_for(lambda: collector.client.get("/readyz").status_code == 200, lambda: "it is not ready", 60)
