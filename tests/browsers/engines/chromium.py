"""Chromium, through its driver; and what only its tabs offer: another size, another colour scheme, a picture."""

from __future__ import annotations

import base64
import re
import subprocess
from typing import Any

import httpx

from browsers.engines.bidi import DRIVER_TIMEOUT_S, Bidi, BidiProfile, BidiTab
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
    # Of the window around the page: else each profile costs as much again.
    "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup,WebUIOmniboxFullPopup",
]


def user_agent(program: str) -> str:
    """What this Chromium calls itself when it has a window."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=DRIVER_TIMEOUT_S, check=True)
    version = re.search(r"(\d+)\.\d+\.\d+", said.stdout)
    major = version[1] if version else "150"
    return f"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.0.0 Safari/537.36"


class Chromium:
    name = "chromium"

    def __init__(self) -> None:
        self._driven = Driven(found("chromedriver"), "--port=0", announces=ANNOUNCES)
        url = f"http://127.0.0.1:{self._driven.announcement()}"
        program, profile = found("chromium"), f"--user-data-dir={self._driven.home}/profile"
        options = {"binary": program, "args": [*FLAGS, profile, f"--user-agent={user_agent(program)}"]}
        wanted = {"alwaysMatch": {"webSocketUrl": True, "goog:chromeOptions": options}}
        answer = httpx.post(f"{url}/session", json={"capabilities": wanted}, timeout=DRIVER_TIMEOUT_S).json()["value"]
        self._session = f"{url}/session/{answer['sessionId']}"
        self._bidi = Bidi(answer["capabilities"]["webSocketUrl"])
        self._bidi.ask("session.subscribe", events=["network.beforeRequestSent"])

    def profile(self) -> BidiProfile:
        return BidiProfile(self._bidi, ChromiumTab)

    def stop(self) -> None:
        self._bidi.close()
        httpx.delete(self._session, timeout=DRIVER_TIMEOUT_S)
        self._driven.stop()


class ChromiumTab(BidiTab):
    def look(self, width: int, height: int, scheme: str) -> None:
        """The size of the view in CSS pixels, and `light` or `dark`."""
        self._ask("browsingContext.setViewport", viewport={"width": width, "height": height}, devicePixelRatio=1)
        media = [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]
        self._tell_devtools("Emulation.setEmulatedMedia", features=media)
        self._tell_devtools("Emulation.setScrollbarsHidden", hidden=True)

    def inject(self, source: str) -> None:
        """Run a script in the page, whatever its policy says of scripts."""
        told = self._ask_script(source)
        assert told["type"] != "exception", told

    def screenshot(self) -> bytes:
        """What the view shows, as PNG."""
        return base64.b64decode(self._ask("browsingContext.captureScreenshot", origin="viewport")["data"])

    def _tell_devtools(self, method: str, **parameters: Any) -> None:
        session = self._ask("goog:cdp.getSession")["session"]
        self._bidi.ask("goog:cdp.sendCommand", method=method, params=parameters, session=session)
