"""What goes wrong at any shop's door, made up: calls that are refused, crawlers, an old page that asks for no consent.

What enters: chance and the quarter. What leaves: requests of which nothing may become an event: bad calls go to
quarantine, the rest is counted.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from collector.demo import people
from collector.demo.back_end import instant
from collector.demo.catalogue import PRODUCTS
from collector.demo.people import CRAWLERS, Browser
from collector.demo.rhythm import Quarter
from collector.demo.walk import Sent
from collector.event import DAY_MS

Message = dict[str, Any]
BAD_A_DAY, CRAWLED_A_DAY, UNASKED_A_DAY = 0.7, 3, 2


def mishaps(quarter: Quarter, chance: Random, url: str, share: float) -> list[Sent]:
    """A quarter's worth of them, times `share`."""
    sent: list[Sent] = []
    for day in quarter.days:
        for _ in range(_times(chance, BAD_A_DAY * share)):
            sent.append(_bad(chance, quarter.at(chance, day), url))
        for _ in range(_times(chance, CRAWLED_A_DAY * share)):
            sent.append(_crawled(chance, quarter.at(chance, day), url))
        for _ in range(_times(chance, UNASKED_A_DAY * share)):
            sent.append(_unasked(chance, quarter.at(chance, day), url))
    return sent


def _times(chance: Random, mean: float) -> int:
    return int(mean) + (chance.random() < mean % 1)


def _bad(chance: Random, at: int, url: str) -> Sent:
    browser = people.browser(chance, people.region(chance), at)
    message = _page(browser, chance, at, url) | chance.choice(_FAULTS)(chance, at)
    return _sent(browser, at, message)


def _crawled(chance: Random, at: int, url: str) -> Sent:
    browser = people.browser(chance, people.region(chance), at)
    sent = _sent(browser, at, _page(browser, chance, at, url))
    return Sent(received=at, server=False, messages=sent.messages, user_agent=chance.choice(CRAWLERS))


def _unasked(chance: Random, at: int, url: str) -> Sent:
    """The shop's old page for gifts still has a tag that asks nobody."""
    browser = people.browser(chance, people.region(chance), at)
    message = _page(browser, chance, at, url)
    del message["context"]["consent"]
    return _sent(browser, at, message)


def _page(browser: Browser, chance: Random, at: int, url: str) -> Message:
    product = chance.choice(list(PRODUCTS.values()))
    return {
        "type": "page",
        "messageId": people.uuid7(chance, at),
        "anonymousId": browser.id,
        "timestamp": instant(at),
        "properties": {},
        "context": {
            "page": {"url": f"{url}/{product.path}", "title": product.name},
            "consent": {"categoryPreferences": {"Analytics": True}},
        },
    }


def _sent(browser: Browser, at: int, message: Message) -> Sent:
    agent = browser.device.agent
    return Sent(received=at, server=False, messages=[message], user_agent=agent, address=browser.address)


def _nobody(chance: Random, at: int) -> Message:
    """A template was filled in before the person was known."""
    return {"type": "identify", "userId": chance.choice(("undefined", "null", "guest")), "traits": {}}


def _nameless(chance: Random, at: int) -> Message:
    return {"type": "track", "event": ""}


def _untyped(chance: Random, at: int) -> Message:
    return {"type": chance.choice(("pageview", "event", ""))}


def _timeless(chance: Random, at: int) -> Message:
    return {"timestamp": chance.choice(("yesterday", "22.11.2026 12:01", "NaN"))}


def _late(chance: Random, at: int) -> Message:
    """A telephone that was off for a while."""
    return {"timestamp": instant(at - chance.randint(8, 30) * DAY_MS)}


def _crowded(chance: Random, at: int) -> Message:
    """A whole form was sent along, field by field."""
    return {"type": "track", "event": "Form Sent", "properties": {f"field_{n}": "" for n in range(80)}}


def _wordy(chance: Random, at: int) -> Message:
    return {"type": "track", "event": "Product Shared", "properties": {"share_message": "so nice " * 1_200}}


def _misshapen(chance: Random, at: int) -> Message:
    return {"type": "track", "event": "Product Viewed", "properties": "[object Object]"}


_FAULTS: tuple[Callable[[Random, int], Message], ...] = (
    _nobody, _nobody, _nameless, _untyped, _timeless, _late, _crowded, _wordy, _misshapen,
)  # fmt: skip
