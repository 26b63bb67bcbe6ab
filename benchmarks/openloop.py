"""Calls sent at a steady rate, whatever the answers take, as the shops' visitors do: an open loop.

Enters: a port, a write key, a rate, seconds. Leaves: what each answer took from the moment when its call was due, so a
collector that falls behind pays for all who wait. `openloop.c` sends them: one process of its own; 64 connections.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from random import Random
from uuid import UUID

from msgspec import Struct

from benchmarks.ingest import CONNECTIONS, load_core

SOURCE = Path(__file__).with_name("openloop.c")
VISITORS = 5_000
_NUMBER = "x" * 12
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
        if process.returncode:
            raise SystemExit("the open loop ended early: see above")
    taken_s = sorted(array("d", said))
    p50_ms, p99_ms = (taken_s[len(taken_s) * share // 100] * 1_000 if taken_s else 0.0 for share in (50, 99))
    return Answers(rate, len(taken_s), int(seconds * rate) - len(taken_s), p50_ms, p99_ms)


@contextmanager
def running(port: int, key: str, rate: float, seconds: float) -> Iterator[subprocess.Popen[bytes]]:
    """The load in a process of its own, on the core that is for load, until the end of the block."""
    command = [*load_core(), f"{_built().name}/openloop", str(port), str(rate), str(seconds), str(CONNECTIONS)]
    with tempfile.TemporaryFile() as requests:
        requests.write(_requests(key))
        requests.seek(0)
        process = subprocess.Popen(command, stdin=requests, stdout=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@cache
def _built() -> tempfile.TemporaryDirectory[str]:
    """Where the generator is. It stays as long as this process."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise SystemExit("the open loop needs a C compiler: apt-get install gcc libc6-dev")
    folder = tempfile.TemporaryDirectory(prefix="footfall-openloop-")
    subprocess.run([compiler, "-O2", "-o", f"{folder.name}/openloop", str(SOURCE)], check=True)
    return folder


def _requests(key: str) -> bytes:
    """Of so many visitors, half with properties; the messageIds of one run begin alike and end in a number."""
    random = Random()
    run = _uuid(random)[: -len(_NUMBER)]
    return "".join(f"{_request(key, run, _uuid(random), n % 2)}\0" for n in range(VISITORS)).encode()


def _request(key: str, run: str, visitor: str, told_of: int) -> str:
    told = f'"event":"Product Viewed","properties":{{{_SAID}}}' if told_of else '"event":"Size Guide Opened"'
    ids = f'"messageId":"{run}{_NUMBER}","anonymousId":"{visitor}","writeKey":"{key}"'
    body = f'{{"type":"track",{told},{ids},{_PAGE}}}'
    return _HEAD.format(len(body), body)


def _uuid(random: Random) -> str:
    return str(UUID(int=random.getrandbits(128), version=4))
