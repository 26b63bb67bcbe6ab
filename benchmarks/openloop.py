"""Calls sent at a steady rate, whatever the answers take, as the shops' visitors do: an open loop.

Enters: a port, a write key, a rate, seconds. Leaves: what each answer took from the moment when its call was due, so a
collector that falls behind pays for all who wait. One process of its own; 64 connections.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

from msgspec import Struct

from benchmarks.ingest import CONNECTIONS, ROOT, load_core

TICK_S = 0.001
VISITORS = 5_000
_HEAD = (
    "POST /v1/track HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0\r\nContent-Length: {}\r\n\r\n{}"
)
_PAGE = '"context":{"page":{"url":"https://www.shop.example/p/10234-a-named-thing","title":"Thing"}}'
_SAID = '"product_id":"P10234","sku":"10234-BL-M","category":"garden-tools","price":129.95,"quantity":1,"position":14'


class Answers(Struct, frozen=True):
    """`unanswered`: due, and not answered with 200 when the time was over."""

    rate: float
    answered: int
    unanswered: int
    p50_ms: float
    p99_ms: float


def measure(port: int, key: str, rate: float, seconds: float) -> Answers:
    with running(port, key, rate, seconds) as process:
        said, _ = process.communicate()
    return Answers(**json.loads(said))


@contextmanager
def running(port: int, key: str, rate: float, seconds: float) -> Iterator[subprocess.Popen[str]]:
    """The load in a process of its own, on the core that is for load, until the end of the block."""
    command = [sys.executable, "-m", "benchmarks.openloop", str(port), key, str(rate), str(seconds)]
    process = subprocess.Popen([*load_core(), *command], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


class _Connection(asyncio.Protocol):
    """Keeps one request under way at a time."""

    def __init__(self, load: _Load) -> None:
        self._load = load
        self._heard = b""
        self._due_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._load.idle.append(self)

    def send(self, request: bytes, due_s: float) -> None:
        self._due_s = due_s
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._heard += data
        if not self._heard.endswith(b"}"):
            return
        if self._heard.startswith(b"HTTP/1.1 200"):
            self._load.taken_s.append(time.perf_counter() - self._due_s)
        self._heard = b""
        self._load.idle.append(self)
        self._load.send_due()


class _Load:
    """Requests that are due, and connections that are free."""

    def __init__(self, key: str) -> None:
        self._random, self._key = Random(), key
        self._visitors = [self._uuid() for _ in range(VISITORS)]
        self._sent = 0
        self.due: deque[float] = deque()
        self.idle: list[_Connection] = []
        self.taken_s: list[float] = []

    def send_due(self) -> None:
        while self.due and self.idle:
            self.idle.pop().send(self._request(), self.due.popleft())

    def _request(self) -> bytes:
        self._sent += 1
        visitor = self._visitors[self._random.randrange(VISITORS)]
        told = f'"event":"Product Viewed","properties":{{{_SAID}}}' if self._sent % 2 else '"event":"Size Guide Opened"'
        ids = f'"messageId":"{self._uuid()}","anonymousId":"{visitor}","writeKey":"{self._key}"'
        body = f'{{"type":"track",{told},{ids},{_PAGE}}}'
        return _HEAD.format(len(body), body).encode()

    def _uuid(self) -> str:
        h = f"{self._random.getrandbits(128):032x}"
        return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-a{h[17:20]}-{h[20:]}"


async def _run(port: int, key: str, rate: float, seconds: float) -> Answers:
    load, loop = _Load(key), asyncio.get_running_loop()
    for _ in range(CONNECTIONS):
        await loop.create_connection(lambda: _Connection(load), "127.0.0.1", port)
    began_s, n = time.perf_counter(), 0
    while (passed_s := time.perf_counter() - began_s) < seconds:
        while n < passed_s * rate:
            load.due.append(began_s + n / rate)
            n += 1
        load.send_due()
        await asyncio.sleep(TICK_S)
    deadline_s = time.perf_counter() + 1
    while len(load.taken_s) < n and time.perf_counter() < deadline_s:
        await asyncio.sleep(TICK_S)
    taken = sorted(load.taken_s)
    p50_ms, p99_ms = (taken[len(taken) * share // 100] * 1_000 if taken else 0.0 for share in (50, 99))
    return Answers(rate, len(taken), n - len(taken), p50_ms, p99_ms)


if __name__ == "__main__":
    port, key, rate, seconds = sys.argv[1:]
    answers = asyncio.run(_run(int(port), key, float(rate), float(seconds)))
    print(json.dumps({field: getattr(answers, field) for field in Answers.__struct_fields__}))
    sys.stdout.flush()
    os._exit(0)
