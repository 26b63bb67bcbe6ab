"""Every room at every width, in light and dark: no serious fault that axe-core finds, no text that leaves its box."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from browsers.demo import Demo
from browsers.engines.chromium import Chromium, ChromiumTab
from browsers.expecting import wait_for
from browsers.rooms import ROOMS, SCHEMES, SIZES, Room, sign_in, subjects
from browsers.visiting import Visit

VISITORS = 80
SOAK = "FOOTFALL_SOAK" in os.environ
AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
RUN = "axe.run({resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']})"
GRAVE = ("serious", "critical")
SCROLLS_SIDEWAYS = "document.documentElement.scrollWidth > innerWidth"
# Text that is wider than the block it stands in, where nothing around it scrolls or clips.
SPILLS = """(() => {
  const spilt = [], texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; node = texts.nextNode();) {
    let block = node.parentElement;
    while (getComputedStyle(block).display.startsWith('inline')) block = block.parentElement;
    let around = block;
    while (around !== document.body && getComputedStyle(around).overflowX === 'visible') around = around.parentElement;
    if (!node.data.trim() || around !== document.body || !block.checkVisibility()) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    if (range.getBoundingClientRect().right > block.getBoundingClientRect().right + 1) spilt.push(node.data.trim());
  }
  return spilt;
})()"""

pytestmark = pytest.mark.engines("chromium")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    one = Demo(tmp_path_factory.mktemp("rooms"), visitors=VISITORS)
    one.start()
    yield one
    one.stop()


@pytest.fixture(scope="module")
def about(demo: Demo) -> dict[str, str]:
    return subjects(demo)


@pytest.fixture(scope="module")
def signed_in(engine: Chromium, demo: Demo) -> Iterator[ChromiumTab]:
    profile = engine.profile()
    yield sign_in(profile, demo)
    profile.close()


@pytest.fixture
def stranger(engine: Chromium) -> Iterator[ChromiumTab]:
    profile = engine.profile()
    tab = profile.open("about:blank")
    assert isinstance(tab, ChromiumTab)
    yield tab
    profile.close()


@pytest.mark.parametrize("room", [room for room in ROOMS if not room.public], ids=lambda room: room.name)
def test_a_room_can_be_read_by_everyone(room: Room, signed_in: ChromiumTab, demo: Demo, about: dict[str, str]) -> None:
    check(signed_in, demo.url + room.path.format(**about))


@pytest.mark.parametrize("room", [room for room in ROOMS if room.public], ids=lambda room: room.name)
def test_a_public_page_can_be_read_by_everyone(
    room: Room, stranger: ChromiumTab, demo: Demo, about: dict[str, str]
) -> None:
    check(stranger, demo.url + room.path.format(**about))


class TestPrompt:
    @pytest.fixture
    def site(self) -> str:
        return "strict"

    def test_the_consent_prompt_can_be_read_by_everyone(self, visit: Visit) -> None:
        visit.shop.put("/", "<main><p>A page of the shop.</p></main>")
        tab = visit.open("/")
        assert isinstance(tab, ChromiumTab)
        wait_for(lambda: tab.evaluate("!!document.querySelector('footfall-consent')"), lambda: "no prompt")
        judge(tab)


def check(tab: ChromiumTab, url: str) -> None:
    tab.goto(url)
    status = "performance.getEntriesByType('navigation')[0].responseStatus"
    assert tab.evaluate(status) == 200, url
    judge(tab)


def judge(tab: ChromiumTab) -> None:
    """The page that is shown, at every width and in both schemes; each with each in soak."""
    tab.inject(AXE.read_text(encoding="utf-8"))
    found = {}
    for place, (size, (width, height)) in enumerate(SIZES.items()):
        for scheme in SCHEMES if SOAK else (SCHEMES[place % len(SCHEMES)],):
            tab.look(width, height, scheme)
            faults = [one for one in tab.evaluate(RUN)["violations"] if one["impact"] in GRAVE]
            found |= {f"{size} {scheme} {one['id']}": _where(one) for one in faults}
        if spilt := tab.evaluate(SPILLS):
            found[f"{size} text leaves its box"] = spilt[:5]
        if tab.evaluate(SCROLLS_SIDEWAYS):
            found[f"{size} scrolls sideways"] = []
    assert not found, json.dumps(found, indent=1)


def _where(fault: dict[str, Any]) -> list[str]:
    """The elements, and what is wrong with the first."""
    nodes = fault["nodes"]
    return [fault["help"], *(node["html"][:160] for node in nodes[:5]), nodes[0].get("failureSummary", "")]
