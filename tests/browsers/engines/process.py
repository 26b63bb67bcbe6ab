"""A browser or its driver as a process: started, listened to until it says where it listens, and ended.

What enters: a command and the pattern of its announcement. What leaves: what the announcement says.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from browsers.engines import BrowserFault

START_S_MAX = 60
DIES_WITH_US = ("setpriv", "--pdeathsig", "KILL", "--")


def found(*names: str) -> str:
    """The path of the first of these programs. A browser that is not there fails the tests, it skips none."""
    for name in names:
        path = shutil.which(name) or (name if Path(name).is_file() else None)
        if path:
            return path
    raise BrowserFault(f"{names[0]} is not installed; `make test` installs it")


class Driven:
    """A process in a group of its own, with a directory of its own; it does not outlive the tests, however they end."""

    def __init__(self, *command: str, announces: str = "$never", **environ: str) -> None:
        self.home = tempfile.mkdtemp(prefix="footfall-browser-")
        self._lines: list[str] = []
        self._heard = threading.Event()
        self._announcement: re.Match[str] | None = None
        filled = [*DIES_WITH_US, *(part.replace("{home}", self.home) for part in command)]
        self._process = subprocess.Popen(
            filled,
            env={**os.environ, "HOME": self.home, "XDG_RUNTIME_DIR": self.home, **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._pattern = re.compile(announces)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def announcement(self) -> str:
        """The pattern's group, as soon as the process has said it."""
        if not self._heard.wait(START_S_MAX) or self._announcement is None:
            self.stop()
            raise BrowserFault("the browser did not start:\n" + "\n".join(self._lines[-20:]))
        return self._announcement[1]

    def stop(self) -> None:
        for how in (signal.SIGTERM, signal.SIGKILL):
            if self._process.poll() is None:
                self._signal(how)
                self._wait()
        self._signal(signal.SIGKILL)
        self._listener.join(timeout=5)
        if self._process.stdout is not None:
            self._process.stdout.close()
        shutil.rmtree(self.home, ignore_errors=True)

    def _signal(self, how: signal.Signals) -> None:
        try:
            os.killpg(self._process.pid, how)
        except ProcessLookupError:
            return

    def _wait(self) -> None:
        deadline = time.monotonic() + 5
        while self._process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.append(line.rstrip())
            if self._announcement is None:
                self._announcement = self._pattern.search(line)
                if self._announcement:
                    self._heard.set()
        self._heard.set()
