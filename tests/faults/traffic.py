"""Traffic with a memory: what was acknowledged, what was not, and whether the file agrees.

What enters: a collector. What leaves: answers; and a verdict on what is stored: nothing lost, nothing doubled.
"""

from __future__ import annotations

import time
from pathlib import Path
from uuid import uuid4

import httpx
from conftest import Collector

FILLER = "x" * 4_000


class LoggedCollector(Collector):
    """One whose log is kept in a file; `environ` is added to its environment."""

    def __init__(self, db: Path, log: Path) -> None:
        self._log, self._marked = log, 0
        with log.open("ab") as opened:
            self.log = opened.fileno()
            super().__init__(db)

    def restart(self) -> None:
        with self._log.open("ab") as opened:
            self.log = opened.fileno()
            self.start()

    def mark(self) -> None:
        """Count what is logged from here on."""
        self._marked = len(self._log.read_text().splitlines())

    def logged(self, words: str = "") -> list[str]:
        """The lines of the log that hold these words."""
        return [line for line in self._log.read_text().splitlines()[self._marked :] if words in line]


class Traffic:
    """Posts calls of one visitor, one at a time, to a collector that may fail."""

    def __init__(self, collector: Collector) -> None:
        self.collector = collector
        self.acknowledged: list[str] = []
        self.unsure: list[str] = []

    def post(self, id: str | None = None) -> httpx.Response:
        """One call; sent again where an id is given."""
        id = id or str(uuid4())
        properties = {"filler": FILLER}
        call = {"event": "Tried", "anonymousId": "visitor-of-tests", "messageId": id, "properties": properties}
        answer = self.collector.post("/v1/track", call | {"writeKey": "wk_shop"})
        (self.acknowledged if answer.status_code == 200 else self.unsure).append(id)
        return answer

    def post_until(self, status: int, within: int = 3_000) -> httpx.Response:
        """Post until this status comes: a disk fills, a process starts again."""
        for _ in range(within):
            answer = self.post()
            if answer.status_code == status:
                return answer
            assert answer.status_code in (200, 503), answer.text
            time.sleep(0.02 if status == 200 else 0.002)
        raise AssertionError(f"{status} did not come")

    def send_again(self) -> None:
        """What every client does after a 503."""
        unsure, self.unsure = self.unsure, []
        for id in unsure:
            self.post(id)

    def must_be_kept(self) -> None:
        """Each acknowledged event once, none that was not sent, and the file sound."""
        stored = self.collector.stored()
        assert len(stored) == len(set(stored))
        assert set(self.acknowledged) <= set(stored) <= {*self.acknowledged, *self.unsure}
        assert self.collector.query("PRAGMA integrity_check") == [("ok",)]


def must_be_told_to_wait(answer: httpx.Response) -> None:
    """503, with the moment to come again, and why in our one shape of errors."""
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.json()["error"]["code"] == "unavailable"


def must_be_one_line(collector: LoggedCollector, words: str) -> None:
    """Logged once, in one line, and nothing of anybody."""
    assert len(collector.logged(words)) == 1, collector.logged()
    for line in collector.logged():
        assert "visitor-of-tests" not in line
        assert "Traceback" not in line and 'File "' not in line
