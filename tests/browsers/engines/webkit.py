"""WebKit, as WebKitGTK builds it, through its driver on a screen of its own.

A profile is a browser process that keeps nothing. WebKitGTK's driver tells of no requests, so those are what the page's
own performance timeline lists.
"""

from __future__ import annotations

import contextlib
import json
import socket
import time
from pathlib import Path
from typing import Any

import httpx

from browsers.engines import BrowserFault
from browsers.engines.gestures import CLICK_CENTRE, click_at, strokes
from browsers.engines.process import START_S_MAX, Driven, found

DRIVER_TIMEOUT_S = 60
SCREEN = r"^(\d+)$"
SCREEN_SIZE = "1600x1200x24"
LISTED = "performance.getEntriesByType('resource').map(entry => '? ' + entry.name)"


def mini_browser() -> str:
    """WebKitGTK's own browser, in its library's folder."""
    return found(*map(str, sorted(Path("/usr/lib").glob("*/webkit2gtk-4.1/MiniBrowser"))), "MiniBrowser")


def free_port() -> int:
    """A port that nobody listens on now: this driver cannot choose one and say so."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class WebKit:
    name = "webkit"

    def __init__(self) -> None:
        self._screen = Driven(
            found("Xvfb"), "-displayfd", "1", "-screen", "0", SCREEN_SIZE, "-nolisten", "tcp", announces=SCREEN
        )
        self._display = f":{self._screen.announcement()}"

    def profile(self) -> WebKitProfile:
        return WebKitProfile(self._display)

    def stop(self) -> None:
        self._screen.stop()


class WebKitProfile:
    """Has a driver of its own: one drives a single session at a time."""

    def __init__(self, display: str) -> None:
        port = free_port()
        self._driven = Driven(
            found("WebKitWebDriver"),
            f"--port={port}",
            DISPLAY=display,
            WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS="1",
            LIBGL_ALWAYS_SOFTWARE="1",
            WEBKIT_DISABLE_COMPOSITING_MODE="1",  # there is no screen to be quick on
        )
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=DRIVER_TIMEOUT_S)
        self._session = ""
        try:
            self._await_driver()
            self._begin()
        except BaseException:
            self.close()
            raise

    def _await_driver(self) -> None:
        deadline = time.monotonic() + START_S_MAX
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.TransportError):
                self._client.get("/status")
                return
            time.sleep(0.02)
        raise BrowserFault("WebKit's driver did not start")

    def _begin(self) -> None:
        options = {"binary": mini_browser(), "args": ["--automation"]}
        capabilities = {"alwaysMatch": {"webkitgtk:browserOptions": options}}
        begun = self._send("POST", "/session", {"capabilities": capabilities})
        self._session = f"/session/{begun['sessionId']}"
        self._shown: str = self.ask("GET", "/window")
        self._windows = [self._shown]
        self._empty = [self._shown]

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        return self._send(method, self._session + path, body)

    def show(self, window: str) -> None:
        """Turn to a window: commands go to the one that is shown."""
        if window != self._shown:
            self.ask("POST", "/window", {"handle": window})
            self._shown = window

    def open(self, url: str) -> WebKitTab:
        tab = WebKitTab(self, self._empty.pop() if self._empty else self._new_window())
        tab.goto(url)
        return tab

    def close_window(self, window: str) -> None:
        """The last window's end would be the browser's: another one is opened before."""
        if len(self._windows) == 1:
            self._empty.append(self._new_window())
        self.show(window)
        self.ask("DELETE", "/window")
        self._windows.remove(window)
        self.show(self._windows[-1])

    def _new_window(self) -> str:
        handle: str = self.ask("POST", "/window/new", {"type": "window"})["handle"]
        self._windows.append(handle)
        return handle

    def cookies(self) -> list[dict[str, Any]]:
        kept: list[dict[str, Any]] = self.ask("GET", "/cookie")
        return kept

    def requests(self) -> list[str]:
        return [f"GET {self.ask('GET', '/url')}", *self.run(LISTED)]

    def run(self, expression: str) -> Any:
        script = f"""const done = arguments[arguments.length - 1];
          (async () => JSON.stringify((await ({expression})) ?? null))().then(done, error => done('!' + error));"""
        told = self.ask("POST", "/execute/async", {"script": script, "args": []})
        if told.startswith("!"):
            raise BrowserFault(told[1:])
        return json.loads(told)

    def close(self) -> None:
        if self._session:
            with contextlib.suppress(httpx.TransportError, BrowserFault):
                self._send("DELETE", self._session)
        self._client.close()
        self._driven.stop()

    def _send(self, method: str, path: str, body: Any = None) -> Any:
        if method == "POST" and body is None:
            body = {}
        answer = self._client.request(method, path, json=body)
        value = answer.json()["value"]
        if answer.status_code != 200:
            raise BrowserFault(f"{method} {path}: {value['error']}: {value['message']}")
        return value


class WebKitTab:
    def __init__(self, profile: WebKitProfile, window: str) -> None:
        self._profile = profile
        self._window = window

    def goto(self, url: str) -> None:
        self._ask("POST", "/url", {"url": url})

    def evaluate(self, expression: str) -> Any:
        self._profile.show(self._window)
        return self._profile.run(expression)

    def click(self, selector: str) -> None:
        x, y = self.evaluate(f"{CLICK_CENTRE}({json.dumps(selector)})")
        self._perform(click_at(x, y))

    def press(self, *keys: str) -> None:
        self._perform(strokes(keys))

    def back(self) -> None:
        self._ask("POST", "/back")

    def forward(self) -> None:
        self._ask("POST", "/forward")

    def reload(self) -> None:
        self._ask("POST", "/refresh")

    def close(self) -> None:
        self._profile.close_window(self._window)

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        self._profile.show(self._window)
        return self._profile.ask(method, path, body)

    def _perform(self, source: dict[str, Any]) -> None:
        self._ask("POST", "/actions", {"actions": [source]})
