"""Calls sent at a steady rate, whatever the answers take, as the shops' visitors do: an open loop.

Enters: a port, a write key, a rate, seconds. Leaves: what each answer took from the moment when its call was due, so a
collector that falls behind pays for all who wait. One process of its own; 64 connections.
"""

from __future__ import annotations

import gc
import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from random import Random
from uuid import UUID

from msgspec import Struct

from benchmarks.ingest import CONNECTIONS, ROOT, load_core

TICK_S = 0.001
PATIENCE_S = 1.0
RECEIVE_BYTES = 4_096
VISITORS = 5_000
_HEAD = (
    "POST /v1/track HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0\r\nContent-Length: {}\r\n\r\n{}"
)
_PAGE = '"context":{"page":{"url":"https://www.shop.example/p/10234-a-named-thing","title":"Thing"}}'
_ID = "00000000-0000-4000-a000-000000000000"
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


class _Calls:
    """Requests, each with a messageId of its own; all else of them is written before the load begins."""

    def __init__(self, key: str) -> None:
        self._random = Random()
        self._run = self._uuid()[:-12].encode()
        self._sent = 0
        self._written = cycle([self._write(key, n % 2) for n in range(VISITORS)])

    def next(self) -> bytes:
        before, after = next(self._written)
        self._sent += 1
        return b"%b%b%012x%b" % (before, self._run, self._sent, after)

    def _write(self, key: str, told_of: int) -> tuple[bytes, bytes]:
        told = f'"event":"Product Viewed","properties":{{{_SAID}}}' if told_of else '"event":"Size Guide Opened"'
        ids = f'"messageId":"{_ID}","anonymousId":"{self._uuid()}","writeKey":"{key}"'
        body = f'{{"type":"track",{told},{ids},{_PAGE}}}'
        before, after = _HEAD.format(len(body), body).encode().split(_ID.encode())
        return before, after

    def _uuid(self) -> str:
        return str(UUID(int=self._random.getrandbits(128), version=4))


def _run(port: int, key: str, rate: float, seconds: float) -> Answers:
    """No event loop: it would cost as much as the collector that is measured, on a core that both use."""
    calls, poll, taken_s = _Calls(key), select.epoll(), []
    free = [_connect(port) for _ in range(CONNECTIONS)]
    busy: dict[int, tuple[socket.socket, float, bytes]] = {}
    for sock in free:
        poll.register(sock, select.EPOLLIN)
    gc.freeze()
    gc.disable()
    sent, began_s = 0, time.perf_counter()
    while (passed_s := time.perf_counter() - began_s) < seconds + PATIENCE_S and (busy or passed_s < seconds):
        due = int(min(passed_s, seconds) * rate)
        while sent < due and free:
            sock = free.pop()
            busy[sock.fileno()] = sock, sent / rate, b""
            sock.send(calls.next())
            sent += 1
        for fd, _ in poll.poll(TICK_S):
            sock, due_s, heard = busy[fd]
            heard += sock.recv(RECEIVE_BYTES)
            if not heard.endswith(b"}"):
                busy[fd] = sock, due_s, heard
            else:
                free.append(busy.pop(fd)[0])
                if heard.startswith(b"HTTP/1.1 200"):
                    taken_s.append(time.perf_counter() - began_s - due_s)
    taken = sorted(taken_s)
    p50_ms, p99_ms = (taken[len(taken) * share // 100] * 1_000 if taken else 0.0 for share in (50, 99))
    return Answers(rate, len(taken), int(seconds * rate) - len(taken), p50_ms, p99_ms)


def _connect(port: int) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


if __name__ == "__main__":
    port, key, rate, seconds = sys.argv[1:]
    answers = _run(int(port), key, float(rate), float(seconds))
    print(json.dumps({field: getattr(answers, field) for field in Answers.__struct_fields__}))
    sys.stdout.flush()
    os._exit(0)
