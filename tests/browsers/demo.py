"""The demo, `footfall demo`, as a process: on a day of the past if asked, and again on the same file and port.

What enters: a folder. What leaves: addresses. A day of the past is made by libfaketime in this process alone; browsers
keep today's time, and the collector dates by its own: what a client says is corrected by what it says of the sending.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
from conftest import ROOT, footfall
from faults.clocks import faketime

from browsers.expecting import wait_for


def days_ago(days: int) -> dict[str, str]:
    """The environment of a process that believes it is so many days ago; its monotonic clock stays as it is."""
    return {"LD_PRELOAD": faketime(), "FAKETIME": f"-{days}d", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


class Demo:
    """A running demo, and a reader who may do everything."""

    def __init__(self, folder: Path, *, visitors: int = 0) -> None:
        self.db = folder / "demo.db"
        self._visitors = visitors
        self._port = 0
        self._token = ""

    def start(self, **environ: str) -> None:
        """On the same port as before, so that browsers find it again."""
        flags = ["--port", str(self._port), "--visitors", str(self._visitors), "--json", "--db", str(self.db)]
        command = [sys.executable, "-m", "collector", "demo", *flags]
        environment = {**os.environ, **environ}
        self._process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        announced = json.loads(self._process.stdout.readline())
        self.url, self._port, self.site = announced["url"], announced["port"], announced["site"]
        self.shop = announced["shop"].rstrip("/")

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(timeout=40)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def ask(self, path: str) -> httpx.Response:
        """What the reading API answers."""
        if not self._token:
            made = footfall("token", "create", "reader", "--scope", "read", "--scope", "export", "--json", db=self.db)
            self._token = json.loads(made.stdout)["token"]
            wait_for(lambda: self._get("/api/customers").status_code == 200, lambda: "the new token is not known")
        return self._get(path)

    def _get(self, path: str) -> httpx.Response:
        return httpx.get(self.url + path, headers={"authorization": f"Bearer {self._token}"}, timeout=60)

    def signin_link(self) -> str:
        """A fresh way into the console; it works once."""
        made = footfall("signin-link", "--url", self.url, "--json", db=self.db)
        link: str = json.loads(made.stdout)["link"]
        return link

    def answer(self, path: str) -> Any:
        answer = self.ask(path)
        assert answer.status_code == 200, answer.text
        return answer.json()
