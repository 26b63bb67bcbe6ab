"""A running collector over the busy day, and readers with tokens of every scope."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from conftest import Collector
from shop import a_busy_day

from collector.ingest.keys import secret_hash
from collector.store import Token

SCOPES = ("read", "export", "admin")


class Reader:
    """Asks a collector, with the token of one scope, '' for none."""

    def __init__(self, collector: Collector, scope: str) -> None:
        self._client = collector.client
        self._headers = {"authorization": f"Bearer ft_{scope}"} if scope else {}

    def get(self, path: str, **query: Any) -> httpx.Response:
        return self._client.get(path, params=query or None, headers=self._headers)

    def delete(self, path: str) -> httpx.Response:
        return self._client.delete(path, headers=self._headers)

    def json(self, path: str, **query: Any) -> Any:
        answer = self.get(path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()


@contextmanager
def a_shop_that_is_read(db: Path) -> Iterator[Collector]:
    store = a_busy_day(db)
    for scope in SCOPES:
        store.put_token(Token(name=scope, hash=secret_hash(f"ft_{scope}"), scopes=(scope,), created=0))
    store.close()
    collector = Collector(db)
    try:
        yield collector
    finally:
        collector.stop(signal.SIGKILL)
