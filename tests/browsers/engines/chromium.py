"""Chromium, through its driver."""

from __future__ import annotations

import httpx

from browsers.engines.bidi import DRIVER_TIMEOUT_S, Bidi, BidiProfile
from browsers.engines.process import Driven, found

ANNOUNCES = r"started successfully on port (\d+)"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


class Chromium:
    name = "chromium"

    def __init__(self) -> None:
        self._driven = Driven(found("chromedriver"), "--port=0", announces=ANNOUNCES)
        url = f"http://127.0.0.1:{self._driven.announcement()}"
        options = {"binary": found("chromium"), "args": [*FLAGS, f"--user-data-dir={self._driven.home}/profile"]}
        wanted = {"alwaysMatch": {"webSocketUrl": True, "goog:chromeOptions": options}}
        answer = httpx.post(f"{url}/session", json={"capabilities": wanted}, timeout=DRIVER_TIMEOUT_S).json()["value"]
        self._session = f"{url}/session/{answer['sessionId']}"
        self._bidi = Bidi(answer["capabilities"]["webSocketUrl"])
        self._bidi.ask("session.subscribe", events=["network.beforeRequestSent"])

    def profile(self) -> BidiProfile:
        return BidiProfile(self._bidi)

    def stop(self) -> None:
        self._bidi.close()
        httpx.delete(self._session, timeout=DRIVER_TIMEOUT_S)
        self._driven.stop()
