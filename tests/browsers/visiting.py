"""A person before a shop: a fresh browser, the shop on its own origin, and a line to the collector that notes all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conftest import Collector

from browsers.engines import Engine, Tab
from browsers.expecting import Told, expect, quiet, wait_for
from browsers.relay import Relay
from browsers.serving import Shop


class Visit:
    """One person's browser before one shop."""

    def __init__(self, engine: Engine, collector: Collector, site: str) -> None:
        self._engine = engine
        self.collector = collector
        self.relay = Relay(collector.url)
        self.shop = Shop(self.relay.url, site)
        self.profile = engine.profile()
        self.tabs: list[Tab] = []

    def open(self, path: str = "/") -> Tab:
        """A new tab with a page of the shop."""
        self.tabs.append(self.profile.open(self.shop.url + path))
        return self.tabs[-1]

    def stranger(self, url: str) -> None:
        """Somebody else opens this page, and it is shown until all is quiet."""
        profile = self._engine.profile()
        try:
            profile.open(url)
            quiet(self.relay)
        finally:
            profile.close()

    def close(self, tab: Tab) -> None:
        self.tabs.remove(tab)
        tab.close()

    def expect(
        self, when: Callable[[], object], calls: list[Told] | None = None, refute: list[Told] | None = None
    ) -> list[Told]:
        """Do this, expect these calls, refute those; see `expecting.expect`."""
        return expect(self.relay, when, calls or [], refute)

    def arrive(self, path: str = "/") -> Tab:
        """Open a page and wait for its page view."""
        views = len(self.views())
        tab = self.open(path)
        wait_for(lambda: len(self.views()) > views, lambda: f"no page view of {path}")
        return tab

    def views(self) -> list[Told]:
        return [call for call in self.relay.calls() if call["type"] == "page"]

    def cookie(self, name: str = "footfall") -> dict[str, Any] | None:
        return next((cookie for cookie in self.profile.cookies() if cookie["name"] == name), None)

    def sent(self) -> list[str]:
        """Everything but scripts that pages asked of the collector, by the browser and by the line."""
        asked = [exchange.path for exchange in self.relay.exchanges]
        asked += [one.partition(" ")[2] for one in self.profile.requests() if self.relay.url in one]
        return [one for one in asked if not one.partition("?")[0].endswith(".js")]

    def end(self) -> None:
        self.profile.close()
        self.relay.stop()
        self.shop.stop()
