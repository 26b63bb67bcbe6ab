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
# Times and words that go on in the next line.
BROKEN_TIMES = """[...document.querySelectorAll('main time')]
  .filter(time => time.checkVisibility() && time.getClientRects().length > 1).map(time => time.textContent)"""
BROKEN_WORDS = """(selector => [...document.querySelectorAll(selector)].flatMap(element => {
  const broken = [], texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT), range = document.createRange();
  for (let node; node = texts.nextNode();) for (const word of node.data.matchAll(/[^\\s-]+/g)) {
    range.setStart(node, word.index);
    range.setEnd(node, word.index + word[0].length);
    if (range.getClientRects().length > 1) broken.push(word[0]);
  }
  return broken;
}))"""
# Cells that the box which scrolls them shows in part or not at all.
HIDDEN_CELLS = """[...document.querySelectorAll('.scroll :is(th, td)')].filter(cell =>
  cell.checkVisibility() && cell.getBoundingClientRect().right > cell.closest('.scroll').getBoundingClientRect().right
).map(cell => cell.textContent.trim())"""
# Placeholders that are wider than their fields.
CUT_PLACEHOLDERS = """[...document.querySelectorAll('input[placeholder]')].filter(input => {
  const style = getComputedStyle(input), canvas = document.createElement('canvas').getContext('2d');
  canvas.font = style.font;
  const room = input.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  return canvas.measureText(input.placeholder).width > room;
}).map(input => input.placeholder)"""

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


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("path", ["/console/customers/{customer}", "/console/customers/visitor:{visitor}"])
def test_no_time_of_a_story_breaks(
    path: str, size: str, signed_in: ChromiumTab, demo: Demo, about: dict[str, str]
) -> None:
    show(signed_in, demo.url + path.format(**about), size)
    assert signed_in.evaluate("document.querySelectorAll('.timeline-time time').length") > 1
    assert signed_in.evaluate(BROKEN_TIMES) == []


@pytest.mark.parametrize("size", SIZES)
def test_the_list_of_customers_shows_every_figure(size: str, signed_in: ChromiumTab, demo: Demo) -> None:
    show(signed_in, f"{demo.url}/console/customers", size)
    assert signed_in.evaluate("document.querySelectorAll('.customers td').length") > 20
    address = "maximiliana.von-und-zu-hohenlohe@department.shop.example"
    signed_in.evaluate(f"document.querySelectorAll('.customers bdi').forEach(each => each.textContent = '{address}')")
    assert signed_in.evaluate(HIDDEN_CELLS) == []


@pytest.mark.parametrize("span", ["yesterday", "7", "90"])
def test_on_a_phone_the_tables_of_home_show_every_figure(span: str, signed_in: ChromiumTab, demo: Demo) -> None:
    show(signed_in, f"{demo.url}/console/?span={span}", "phone")
    signed_in.evaluate("void document.querySelector('.home-numbers').setAttribute('open', '')")
    assert signed_in.evaluate("document.querySelectorAll('.scroll td').length") > 50
    assert signed_in.evaluate(HIDDEN_CELLS) == []


@pytest.mark.parametrize("size", SIZES)
def test_before_anybody_points_the_charts_tell_of_the_newest_day(size: str, signed_in: ChromiumTab, demo: Demo) -> None:
    show(signed_in, f"{demo.url}/console/", size)
    newest = "[...document.querySelector('.home-table tbody').lastElementChild.cells].map(cell => cell.textContent)"
    day, visitors, visits, orders, unconfirmed = signed_in.evaluate(newest)
    told = """[...document.querySelectorAll('.u-legend')].map(legend =>
      [...legend.querySelectorAll('.u-label, .u-value')].map(part => part.innerText.split(/\\s+/).join(' ')))"""
    day = " ".join(day.split()[:2])
    assert signed_in.evaluate(told) == [
        ["Day", day, "Visitors", visitors, "Visits", visits],
        ["Day", day, "Orders", orders, "Unconfirmed", unconfirmed],
    ]


def test_pages_and_products_stand_beside_the_sources(signed_in: ChromiumTab, demo: Demo) -> None:
    show(signed_in, f"{demo.url}/console/?span=90", "desktop")
    ends = (
        "['sources', 'pages', 'products'].map(id => document.getElementById(id).parentElement.getBoundingClientRect())"
    )
    sources, pages, products = signed_in.evaluate(f"{ends}.map(box => [box.left, box.top, box.bottom])")
    assert pages[:2] == [pages[0], sources[1]] and pages[0] == products[0] > sources[0]
    assert pages[2] < products[1] < sources[2]


def test_how_visitors_came_breaks_between_words(signed_in: ChromiumTab, demo: Demo) -> None:
    show(signed_in, f"{demo.url}/console/visitors?limit=100", "desktop")
    assert "Advertisement:" in signed_in.evaluate("document.querySelector('table.visitors').innerText")
    # Android's search names itself by the name of its package, which has no place to break.
    broken = signed_in.evaluate(f"{BROKEN_WORDS}('.visitors :is(th, td)')")
    assert [word for word in broken if "googlequicksearchbox" not in word] == []


@pytest.mark.parametrize("path", ["/console/customers", "/console/audit"])
def test_on_a_phone_what_a_search_takes_can_be_read_whole(path: str, signed_in: ChromiumTab, demo: Demo) -> None:
    show(signed_in, demo.url + path, "phone")
    assert signed_in.evaluate(CUT_PLACEHOLDERS) == []


def show(tab: ChromiumTab, url: str, size: str) -> None:
    tab.goto(url)
    tab.look(*SIZES[size], "light")


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
