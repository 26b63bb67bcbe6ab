"""Firefox, which speaks WebDriver BiDi itself."""

from __future__ import annotations

from browsers.engines.bidi import Bidi, BidiProfile
from browsers.engines.process import Driven, found

ANNOUNCES = r"WebDriver BiDi listening on (ws://\S+)"
PREFERENCES = {
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.page": 0,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.getAddons.cache.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "",
    "toolkit.telemetry.enabled": False,
}


class Firefox:
    name = "firefox"

    def __init__(self) -> None:
        program = found("firefox-esr", "firefox")
        self._driven = Driven(
            program, "--headless", "--no-remote", "--profile", "{home}", "--remote-debugging-port", "0",
            announces=ANNOUNCES,
        )  # fmt: skip
        self._bidi = Bidi(f"{self._driven.announcement()}/session")
        self._bidi.ask("session.new", capabilities={})
        self._bidi.ask("session.subscribe", events=["network.beforeRequestSent"])

    def profile(self) -> BidiProfile:
        return BidiProfile(self._bidi)

    def stop(self) -> None:
        self._bidi.close()
        self._driven.stop()
