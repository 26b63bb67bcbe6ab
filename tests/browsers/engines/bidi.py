"""WebDriver BiDi over one web socket: commands that wait for their answer, and the network events in between.

Both Chromium (through its driver) and Firefox (by itself) speak it. What enters: a socket's URL. What leaves: profiles
and tabs. It does not know how a browser is started.
"""

from __future__ import annotations

import itertools
import json
import queue
import threading
from contextlib import ExitStack
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from browsers.engines import BrowserFault
from browsers.engines.gestures import CLICK_CENTRE, click_at, strokes

ANSWER_S_MAX = 60
DRIVER_TIMEOUT_S = 60


class Bidi:
    """A session: `ask` sends one command. Requests of pages are collected as they are told."""

    def __init__(self, url: str) -> None:
        self._open = ExitStack()
        connection = connect(url, max_size=None, open_timeout=DRIVER_TIMEOUT_S, compression=None)
        self._socket = self._open.enter_context(connection)
        self._numbers = itertools.count(1)
        self._waiting: dict[int, queue.Queue[dict[str, Any]]] = {}
        self.requests: list[tuple[str, str]] = []  # context, "METHOD URL"
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def ask(self, method: str, /, **parameters: Any) -> Any:
        number = next(self._numbers)
        answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self._waiting[number] = answers
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        try:
            answer = answers.get(timeout=ANSWER_S_MAX)
        except queue.Empty:
            raise BrowserFault(f"{method} was not answered") from None
        finally:
            del self._waiting[number]
        if answer["type"] == "error":
            raise BrowserFault(f"{method}: {answer['error']}: {answer['message']}")
        return answer["result"]

    def close(self) -> None:
        self._open.close()
        self._reader.join(timeout=ANSWER_S_MAX)

    def _read(self) -> None:
        try:
            for text in self._socket:
                self._hear(json.loads(text))
        except ConnectionClosed:
            return

    def _hear(self, message: dict[str, Any]) -> None:
        if message["type"] == "event":
            if message["method"] == "network.beforeRequestSent":
                asked = message["params"]["request"]
                self.requests.append((message["params"]["context"] or "", f"{asked['method']} {asked['url']}"))
        elif message.get("id") in self._waiting:
            self._waiting[message["id"]].put(message)


class BidiProfile:
    """A user context: cookies and storage of its own."""

    def __init__(self, bidi: Bidi, tab: type[BidiTab] | None = None) -> None:
        self._bidi = bidi
        self._tab = tab or BidiTab
        self._user_context = bidi.ask("browser.createUserContext")["userContext"]
        self._first_request = len(bidi.requests)

    def open(self, url: str) -> BidiTab:
        created = self._bidi.ask("browsingContext.create", type="tab", userContext=self._user_context)
        tab = self._tab(self._bidi, created["context"])
        tab.goto(url)
        return tab

    def cookies(self) -> list[dict[str, Any]]:
        partition = {"type": "storageKey", "userContext": self._user_context}
        kept = self._bidi.ask("storage.getCookies", partition=partition)["cookies"]
        return [cookie | {"value": cookie["value"]["value"]} for cookie in kept]

    def requests(self) -> list[str]:
        return [request for _, request in self._bidi.requests[self._first_request :]]

    def close(self) -> None:
        self._bidi.ask("browser.removeUserContext", userContext=self._user_context)


class BidiTab:
    def __init__(self, bidi: Bidi, context: str) -> None:
        self._bidi = bidi
        self._context = context

    def goto(self, url: str) -> None:
        self._ask("browsingContext.navigate", url=url, wait="complete")

    def evaluate(self, expression: str) -> Any:
        told = self._ask_script(f"(async () => JSON.stringify((await ({expression})) ?? null))()")
        if told["type"] == "exception":
            raise BrowserFault(told["exceptionDetails"]["text"])
        return json.loads(told["result"]["value"])

    def click(self, selector: str) -> None:
        x, y = self.evaluate(f"{CLICK_CENTRE}({json.dumps(selector)})")
        self._perform(click_at(x, y))

    def press(self, *keys: str) -> None:
        self._perform(strokes(keys))

    def back(self) -> None:
        self._ask("browsingContext.traverseHistory", delta=-1)

    def forward(self) -> None:
        self._ask("browsingContext.traverseHistory", delta=1)

    def reload(self) -> None:
        self._ask("browsingContext.reload", wait="complete")

    def close(self) -> None:
        self._ask("browsingContext.close")

    def go_offline(self) -> None:
        """As if the cable were pulled: requests fail, and the page is told so."""
        self._set_network({"type": "offline"})

    def go_online(self) -> None:
        self._set_network(None)

    def _set_network(self, conditions: dict[str, str] | None) -> None:
        self._bidi.ask("emulation.setNetworkConditions", networkConditions=conditions, contexts=[self._context])

    def _ask(self, method: str, **parameters: Any) -> Any:
        return self._bidi.ask(method, context=self._context, **parameters)

    def _ask_script(self, expression: str) -> Any:
        target = {"context": self._context}
        return self._bidi.ask("script.evaluate", expression=expression, target=target, awaitPromise=True)

    def _perform(self, source: dict[str, Any]) -> None:
        self._ask("input.performActions", actions=[source])
