"""One visit of the demo's past, as the tag would have sent it: pages and events enter, requests leave.

Each page is one request, received when the visitor left it. It knows the wire's messages and the shop's addresses,
not why anybody goes where.
"""

from __future__ import annotations

from random import Random
from typing import Any

from msgspec import Struct

from collector.demo.back_end import instant
from collector.demo.catalogue import SHOP_NAME
from collector.demo.landings import Landing
from collector.demo.people import Browser, uuid7

LIBRARY = {"name": "footfall.js", "version": "1.0.0"}
SENT_AFTER_MS = 400


class Sent(Struct, frozen=True, kw_only=True):
    """One request of the past: when it was received, under which key, from what, with which messages."""

    received: int
    server: bool
    messages: list[dict[str, Any]]
    user_agent: str = ""
    address: str = ""


class Walk:
    """A visit in the making. `at` is the time that it has come to, in ms; who is new says yes to being seen first."""

    def __init__(
        self, chance: Random, browser: Browser, landing: Landing, at: int, url: str, *, is_new: bool = False
    ) -> None:
        self.chance = chance
        self.browser = browser
        self.at = at
        self._url = url
        self._is_new = is_new
        self._referrer = landing.referrer
        self._query = landing.query
        self._here: dict[str, Any] = {}
        self._sent: list[Sent] = []
        self._messages: list[dict[str, Any]] = []
        screen = {"width": browser.device.screen[0], "height": browser.device.screen[1]}
        preferences = {"Analytics": True, "Marketing": browser.marketing}
        self._context = {
            "locale": browser.region.locale,
            "timezone": browser.region.zone,
            "screen": screen,
            "library": LIBRARY,
            "consent": {"categoryPreferences": preferences},
        }

    def page(self, path: str, title: str) -> None:
        """Go to a page of the shop."""
        self._leave()
        self.at += self.chance.randint(200, 900)
        query, self._query = self._query, ""
        glue = "&" if "?" in path else "?"
        address = f"{self._url}/{path}" + (f"{glue}{query}" if query else "")
        self._here = {"url": address, "title": f"{title} · {SHOP_NAME}", "referrer": self._referrer}
        self._referrer = f"{self._url}/{path}"
        self._call("page", properties={})
        if self._is_new:
            self._is_new = False
            self.track("Segment Consent Preference Updated", {})

    def track(self, event: str, properties: dict[str, Any]) -> None:
        self._call("track", event=event, properties=properties)

    def identify(self, user: str, traits: dict[str, Any]) -> None:
        """`user` may be '', as for the newsletter."""
        self._call("identify", traits=traits, **({"userId": user} if user else {}))

    def look(self, low_s: float, high_s: float) -> None:
        """Time passes."""
        self.at += round(1_000 * self.chance.uniform(low_s, high_s))

    def sent(self) -> list[Sent]:
        """All requests; the visit is over."""
        self._leave()
        return self._sent

    def _leave(self) -> None:
        if self._messages:
            self._sent.append(
                Sent(
                    received=self.at + SENT_AFTER_MS,
                    server=False,
                    messages=self._messages,
                    user_agent=self.browser.device.agent,
                    address=self.browser.address,
                )
            )
            self._messages = []

    def _call(self, kind: str, **fields: Any) -> None:
        self._messages.append(
            {
                "type": kind,
                "messageId": uuid7(self.chance, self.at),
                "anonymousId": self.browser.id,
                "timestamp": instant(self.at),
                "context": {**self._context, "page": self._here},
                **fields,
            }
        )
        self.at += 1
