"""Calls sent at a steady rate, whatever the answers take, as the shops' visitors do: an open loop.

Enters: a port, a site, a rate, seconds. Leaves: what each answer took from the moment when its call was due, so a
collector that falls behind pays for all who wait. `openloop.c` sends them: one process of its own; 64 connections.
As many as in `mix.json` are log-ins and orders, half of these a back end's.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from random import Random
from uuid import UUID

from msgspec import Struct

from benchmarks.ingest import CONNECTIONS, load_core
from benchmarks.mix import MIX

SOURCE = Path(__file__).with_name("openloop.c")
VISITORS = 5_000
_NUMBER = "x" * 12
_HEAD = (
    "POST /v1/{} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0\r\nContent-Length: {}\r\n\r\n{}"
)
_PAGE = '"context":{"page":{"url":"https://www.shop.example/p/10234-a-named-thing","title":"Thing"}}'
_SAID = '"product_id":"P10234","sku":"10234-BL-M","category":"garden-tools","price":129.95,"quantity":1,"position":14'


class Answers(Struct, frozen=True):
    """`unanswered`: due, and not answered with 200 when the time was over. `stolen`: the share of the cores' time that
    the machine's host gave to others meanwhile; a stop of 50 ms is waited for by each call that is due in it.
    """

    rate: float
    answered: int
    unanswered: int
    p50_ms: float
    p99_ms: float
    stolen: float


class Keys(Struct, frozen=True):
    """A site's: what its pages send bears `write`, what its back end sends `secret`."""

    write: str
    secret: str


def measure(port: int, keys: Keys, rate: float, seconds: float) -> Answers:
    stolen_s, began_s = _stolen_s(), time.monotonic()
    with running(port, keys, rate, seconds) as process:
        said, _ = process.communicate()
        if process.returncode:
            raise SystemExit("the open loop ended early: see above")
    taken_s = sorted(array("d", said))
    p50_ms, p99_ms = (taken_s[len(taken_s) * share // 100] * 1_000 if taken_s else 0.0 for share in (50, 99))
    stolen = (_stolen_s() - stolen_s) / (time.monotonic() - began_s) / (os.cpu_count() or 1)
    return Answers(rate, len(taken_s), int(seconds * rate) - len(taken_s), p50_ms, p99_ms, stolen)


def _stolen_s() -> float:
    """By proc(5), since the start of the machine, of all cores together."""
    return int(Path("/proc/stat").read_text().split(maxsplit=9)[8]) / os.sysconf("SC_CLK_TCK")


@contextmanager
def running(port: int, keys: Keys, rate: float, seconds: float) -> Iterator[subprocess.Popen[bytes]]:
    """The load in a process of its own, on the core that is for load, until the end of the block."""
    command = [*load_core(), f"{_built().name}/openloop", str(port), str(rate), str(seconds), str(CONNECTIONS)]
    with tempfile.TemporaryFile() as requests:
        requests.write(_requests(keys))
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


def known_customers() -> list[str]:
    """Who logs in again and again, and is known once all requests have been sent."""
    return [_customer(n) for n in range(VISITORS) if n % 100 < MIX["calls"]["identify"]]


def _requests(keys: Keys) -> bytes:
    """Of so many visitors, half with properties; the messageIds of one run begin alike and end in a number."""
    random = Random()
    run = _uuid(random)[: -len(_NUMBER)]
    return "".join(f"{_request(keys, run, random, n)}\0" for n in range(VISITORS)).encode()


def _request(keys: Keys, run: str, random: Random, n: int) -> str:
    visitor, place = f'"anonymousId":"{_uuid(random)}"', n % 100
    logs_in, orders = MIX["calls"]["identify"], MIX["calls"]["order"]
    if place < logs_in:
        user = f'"userId":"{_customer(n)}","traits":{{"email":"{_customer(n)}@mail.example"}}'
        return _call("identify", keys.write, run, f"{visitor},{user}")
    if place >= logs_in + orders:
        told = f'"event":"Product Viewed","properties":{{{_SAID}}}' if n % 2 else '"event":"Size Guide Opened"'
        return _call("track", keys.write, run, f"{visitor},{told},{_PAGE}")
    told = f'"event":"Order Completed","properties":{{"order_id":"{run}{_NUMBER}","total":"129.95","currency":"EUR"}}'
    if n // 100 % 2:
        return _call("track", keys.secret, run, f'"userId":"{_customer(n)}",{told}')
    return _call("track", keys.write, run, f"{visitor},{told},{_PAGE}")


def _customer(n: int) -> str:
    return f"shopper-{n}"


def _call(type_: str, key: str, run: str, told: str) -> str:
    body = f'{{"type":"{type_}",{told},"messageId":"{run}{_NUMBER}","writeKey":"{key}"}}'
    return _HEAD.format(type_, len(body), body)


def _uuid(random: Random) -> str:
    return str(UUID(int=random.getrandbits(128), version=4))
