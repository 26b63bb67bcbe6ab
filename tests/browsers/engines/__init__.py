"""What the tests ask of a browser, whichever engine it is: the port, and nothing of any driver's protocol.

An engine is started once and lends profiles; a profile is one person's browser, with its own cookies and storage; a tab
shows a page. Every engine is driven from outside, as a person would: real clicks, real keys, real navigation.
"""

from __future__ import annotations

from typing import Any, Protocol


class BrowserFault(Exception):
    """The page's script threw, or the driver refused."""


class Tab(Protocol):
    def goto(self, url: str) -> None:
        """Open a page and wait until it has loaded."""

    def evaluate(self, expression: str) -> Any:
        """What a JavaScript expression gives, awaited if it is a promise, as JSON."""

    def click(self, selector: str) -> None:
        """Press and release the main button over the middle of an element."""

    def press(self, *keys: str) -> None:
        """Press keys one after the other: characters, or names as in `gestures.KEYS`."""

    def back(self) -> None:
        """The back button."""

    def forward(self) -> None:
        """The forward button."""

    def reload(self) -> None:
        """The reload button."""

    def close(self) -> None:
        """Close the tab, as its cross does."""


class Profile(Protocol):
    def open(self, url: str) -> Tab:
        """A new tab with this page."""

    def cookies(self) -> list[dict[str, Any]]:
        """All cookies as the browser keeps them: name, value, domain, path, expiry, httpOnly, secure, sameSite."""

    def requests(self) -> list[str]:
        """`METHOD URL` of what this profile has asked of the network so far, by the browser's own inspection."""

    def close(self) -> None:
        """Close all tabs and forget everything."""


class Engine(Protocol):
    name: str

    def profile(self) -> Profile:
        """A browser that has never been anywhere."""

    def stop(self) -> None:
        """End the browser's process."""
