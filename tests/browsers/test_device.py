"""Who the visitor is on the device: the collector's copy of the cookie, the way to a second domain; the inspector."""

from __future__ import annotations

import re
import time
from typing import Any

import httpx
import pytest

from browsers.engines import Tab
from browsers.expecting import Told, page, quiet, track, wait_for
from browsers.serving import OTHER_HOST
from browsers.visiting import Visit

NOTHING_ELSE: list[Told] = [{}]
FORGET = (
    """void ['', '; domain=localhost'].forEach(where => document.cookie = 'footfall=; path=/; max-age=0' + where)"""
)


def copy(visit: Visit) -> dict[str, Any] | None:
    return next((one for one in visit.profile.cookies() if one["name"].startswith("footfall_copy_")), None)


@pytest.fixture
def remembering(visit: Visit) -> Visit:
    """Its pages want the collector's copy."""
    visit.shop.put("/", tag=visit.shop.tag(data_cookie_domain="localhost"))
    return visit


def arrive_remembered(visit: Visit) -> tuple[Tab, str]:
    """A page, and the visitor, of whom the collector has a copy."""
    [view] = visit.expect(lambda: visit.open("/"), [page("/")])
    wait_for(lambda: (copy(visit) or {}).get("value") == view["anonymousId"], lambda: f"the copy is {copy(visit)}")
    return visit.tabs[-1], view["anonymousId"]


# WebKit takes no `Secure` cookie from an address without https, be it the machine's own.
@pytest.mark.engines("chromium", "firefox")
class TestTheCopy:
    def test_a_visitor_whose_cookie_was_forgotten_is_known_again(self, remembering: Visit) -> None:
        tab, visitor = arrive_remembered(remembering)
        kept = copy(remembering)
        assert kept is not None
        assert (kept["httpOnly"], kept["secure"], kept["path"]) == (True, True, "/v1/visitor")
        tab.evaluate(FORGET)
        assert remembering.cookie() is None
        [view] = remembering.expect(lambda: remembering.open("/"), [page("/")], NOTHING_ELSE)
        cookie = remembering.cookie()
        assert cookie is not None
        assert view["anonymousId"] == cookie["value"] == visitor

    def test_reset_replaces_it(self, remembering: Visit) -> None:
        tab, visitor = arrive_remembered(remembering)
        remembering.expect(lambda: tab.evaluate("void footfall('reset')"), [track("Signed Out")])
        cookie = remembering.cookie()
        assert cookie is not None and cookie["value"] != visitor
        wait_for(lambda: (copy(remembering) or {}).get("value") == cookie["value"], lambda: f"{copy(remembering)}")

    def test_a_refusal_takes_it_away(self, remembering: Visit) -> None:
        tab, _ = arrive_remembered(remembering)
        tab.evaluate("void footfall('consent', {Analytics: false})")
        wait_for(lambda: copy(remembering) is None, lambda: "the copy is still there")
        assert remembering.cookie() is None


def test_a_collector_that_does_not_answer_for_the_copy_holds_up_no_call(remembering: Visit) -> None:
    with remembering.relay.holding("/v1/visitor"):
        remembering.expect(lambda: remembering.open("/"), [page("/")], NOTHING_ELSE)


def hand_over(visit: Visit) -> str:
    """Point at the link, and follow it once its token has come; gives the address on the other domain."""
    tab = visit.tabs[-1]
    # What listens there is a part of its own and may still be on its way.
    point = "document.querySelector('#on').dispatchEvent(new Event('pointerover', {bubbles: true}))"
    fetched = "performance.getEntriesByType('resource').some(one => /handover$/.test(one.name) && one.responseEnd)"
    wait_for(lambda: tab.evaluate(f"{point} && {fetched}"), lambda: "no token was fetched")
    tab.click("#on")
    wait_for(lambda: tab.evaluate("location.pathname") == "/checkout", lambda: "the link leads nowhere")
    (asked,) = [path for path in visit.shop.asked if path.startswith("/checkout")]
    return str(asked)


def two_domains(visit: Visit, link: str = '<a id="on" href="{}">on</a>') -> str:
    """The shop on its domain, its checkout on another."""
    other = visit.shop.url.replace("localhost", OTHER_HOST)
    tag = visit.shop.tag(data_handover=f"localhost, {OTHER_HOST}")
    visit.shop.put("/", link.format(f"{other}/checkout?step=1"), tag=tag)
    visit.shop.put("/checkout", tag=tag)
    return other


@pytest.mark.parametrize(
    "link",
    [
        '<a id="on" href="{}">on</a>',
        '<form action="{}"><button id="on">on</button></form>',
        '<form action="{}" method="post"><button id="on">on</button></form>',
    ],
    ids=["link", "form", "post"],
)
def test_a_visitor_is_taken_along_to_a_second_domain_once(visit: Visit, link: str) -> None:
    other = two_domains(visit, link)
    tab = visit.arrive("/")
    [view] = visit.expect(lambda: hand_over(visit), [page("/checkout")], NOTHING_ELSE)
    assert view["anonymousId"] == visit.views()[0]["anonymousId"]
    (asked,) = [path for path in visit.shop.asked if path.startswith("/checkout")]
    assert "footfall-token=" in asked
    assert "footfall-token" not in str(visit.relay.calls())
    assert "footfall-token" not in tab.evaluate("location.href")
    # What was used does nothing for anybody else, and the link is as it was.
    [again] = visit.expect(lambda: visit.stranger(other + asked), [page("/checkout")], NOTHING_ELSE)
    assert again["anonymousId"] != view["anonymousId"]


class TestOptIn:
    @pytest.fixture
    def site(self) -> str:
        return "strict"

    def test_a_link_that_a_stranger_sends_round_neither_names_nor_allows_anything(self, visit: Visit) -> None:
        """Whoever has a page of the shop has such a token; it must not make others go on as them."""
        other = two_domains(visit)
        stranger = re.sub("^(.{8})(.{4})$", r"\1-\2-7abc-8abc-123456789abc", f"{time.time_ns() // 1_000_000:012x}")
        said = {"writeKey": "wk_strict", "anonymousId": stranger, "preferences": {"Analytics": True}}
        asked = httpx.post(f"{visit.relay.url}/v1/handover", json=said, headers={"origin": visit.shop.url})
        link = f"{other}/checkout?footfall-token={asked.json()['token']}"
        tab = visit.profile.open(link)
        visit.tabs.append(tab)
        wait_for(
            lambda: "footfall-token" not in tab.evaluate("location.href"), lambda: "the token stays in the address"
        )
        quiet(visit.relay)
        assert not visit.relay.calls() and not tab.evaluate("document.cookie")

    def test_a_yes_goes_along_and_nobody_is_asked_twice(self, visit: Visit) -> None:
        two_domains(visit)
        tab = visit.open("/")
        visit.expect(lambda: tab.evaluate("void footfall('consent', {Analytics: true})"), [page("/")])
        [_, view] = visit.expect(
            lambda: hand_over(visit), [track("Segment Consent Preference Updated"), page("/checkout")], NOTHING_ELSE
        )
        assert {call["anonymousId"] for call in visit.relay.calls()} == {view["anonymousId"]}
        assert not tab.evaluate("!!document.querySelector('footfall-consent')")

    def test_before_a_yes_there_is_no_token(self, visit: Visit) -> None:
        two_domains(visit)
        tab = visit.open("/")
        wait_for(lambda: tab.evaluate("!!document.querySelector('footfall-consent')"), lambda: "no prompt")
        tab.click("#on")
        wait_for(lambda: tab.evaluate("location.pathname") == "/checkout", lambda: "the link leads nowhere")
        assert "footfall-token" not in str(visit.shop.asked)
        assert visit.sent() == []


def test_the_inspector_shows_each_call_and_its_acknowledgement(visit: Visit) -> None:
    collector = visit.relay.url
    policy = f"default-src 'none'; script-src {collector} 'nonce-page'; connect-src {collector}; img-src 'self'"
    visit.shop.put("/", content_security_policy=policy)
    visit.expect(lambda: visit.open("/?footfall-debug"), [page("/")])
    tab = visit.tabs[-1]
    rows = "[...document.querySelector('footfall-debug').shadowRoot.querySelectorAll('li')]"
    text = f"{rows}.map(row => row.querySelector('b').textContent + ' ' + row.querySelector('summary').textContent)"
    wait_for(lambda: tab.evaluate(text) == ["acknowledged page"], lambda: f"{tab.evaluate(text)}")
    with visit.relay.refusing(400):
        tab.evaluate("void footfall('track', 'Poison <b>')")
        wait_for(lambda: tab.evaluate(text)[0] == "answer 400 track · Poison <b>", lambda: f"{tab.evaluate(text)}")


def test_without_being_asked_for_the_inspector_is_not_loaded(visit: Visit) -> None:
    visit.arrive("/?footfall")
    assert not [one for one in visit.relay.exchanges if "debug" in one.path]
