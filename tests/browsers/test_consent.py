"""Consent in real browsers: on an opt-in site nothing is kept on the device and nothing is sent before the grant."""

from __future__ import annotations

import json
import re
from typing import Any
from uuid import UUID as UUID_OF
from uuid import uuid4

import pytest

from browsers.engines import Tab
from browsers.expecting import page, quiet, track, wait_for
from browsers.visiting import Visit

NOTHING_ELSE: list[dict[str, object]] = [{}]
KEPT = """Promise.all([localStorage, sessionStorage].map(Object.keys).concat(indexedDB.databases?.() ?? [],
    caches?.keys() ?? [])).then(kept => kept.flat())"""
GRANT = "void footfall('consent', {Analytics: true})"
REFUSE = "void footfall('consent', {Analytics: false})"
PROMPT = "document.querySelector('footfall-consent')"
OFFER = "document.querySelector('footfall-erasure')"
FOCUSED = f"{PROMPT}?.shadowRoot.activeElement?.textContent"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-")
ROUTER = """<button id="a" onclick="history.pushState({}, '', '/a')">a</button>
<button id="b" onclick="history.pushState({}, '', '/b')">b</button>"""
CHANGED = "Segment Consent Preference Updated"


@pytest.fixture
def site() -> str:
    return "strict"


def traces(visit: Visit, tab: Tab) -> dict[str, Any]:
    """Everything that the shop's tag has left on the device or sent, by the browser's own word."""
    return {"cookies": visit.profile.cookies(), "kept": tab.evaluate(KEPT), "sent": visit.sent()}


NO_TRACES = {"cookies": [], "kept": [], "sent": []}


FORGE = """fetch("{url}/v1/track", {{method: "POST", body: JSON.stringify({{writeKey: "wk_{site}", event: "{mark}",
    anonymousId: "{mark}", userId: "{mark}", context: {{consent: {consent}}}}})}}).then(answer => answer.status)"""


def stands(visit: Visit, *marks: str | bytes) -> list[str | bytes]:
    """Which of the marks are in the collector's files; an id that is a UUID is there as its 16 bytes."""
    db = visit.collector.db
    files = b"".join(file.read_bytes() for file in db.parent.glob(f"{db.name}*"))
    return [mark for mark in marks if (mark if isinstance(mark, bytes) else mark.encode()) in files]


def refused(visit: Visit, site: str) -> int:
    """How many calls the collector has counted as refused at this site."""
    rows = visit.collector.query(
        "SELECT coalesce(sum(n), 0) FROM counters JOIN sites ON sites.id = counters.site "
        "WHERE sites.name = ? AND what = 'dropped:consent'",
        site,
    )
    return int(rows[0][0])


def forge(visit: Visit, tab: Tab, site: str, consent: str = "{}") -> str:
    """Another script on the page says what it likes; the mark that it leaves, if any."""
    mark = f"forged-{uuid4().hex}"
    url = visit.collector.url
    assert tab.evaluate(FORGE.format(url=url, site=site, mark=mark, consent=consent)) == 200
    return mark


def prompted(tab: Tab) -> None:
    wait_for(lambda: tab.evaluate(f"!!{PROMPT}"), lambda: "no prompt was shown")


def test_before_the_grant_there_is_no_cookie_no_storage_key_and_no_request(visit: Visit) -> None:
    visit.shop.put("/", ROUTER)
    tab = visit.open("/?utm_source=news")
    prompted(tab)
    tab.click("#a")
    tab.evaluate("void (footfall('track', 'Product Added'), footfall('identify', '42'), footfall('reset'))")
    quiet(visit.relay)
    assert traces(visit, tab) == NO_TRACES
    tab.goto(f"{visit.shop.url}/next")
    visit.close(visit.open("/closed"))
    quiet(visit.relay)
    assert traces(visit, tab) == NO_TRACES


def test_after_the_grant_goes_the_landing_s_referrer_and_campaign_and_no_earlier_page(visit: Visit) -> None:
    elsewhere = visit.shop.url.replace("localhost", "127.0.0.1")
    landing = f"{visit.shop.url}/landing?utm_source=news&utm_medium=email&utm_campaign=may"
    visit.shop.put("/ad", f'<a id="on" href="{landing}">an advertisement elsewhere</a>', tag="")
    visit.shop.put("/landing", ROUTER)
    tab = visit.profile.open(f"{elsewhere}/ad")
    visit.tabs.append(tab)
    tab.click("#on")
    wait_for(lambda: tab.evaluate("document.title") == "/landing", lambda: "the landing did not open")
    prompted(tab)
    tab.click("#a")
    tab.click("#b")
    campaign = {"source": "news", "medium": "email", "name": "may"}
    [view] = visit.expect(lambda: tab.evaluate(GRANT), [page("/b", referrer=f"{elsewhere}/")])
    assert view["context"]["campaign"] == campaign
    quiet(visit.relay)
    told = {call["context"]["page"]["path"] for call in visit.relay.calls()}
    assert told == {"/b"}
    assert view["context"]["consent"]["categoryPreferences"] == {"Analytics": True}


def test_a_grant_lasts_to_the_next_page(visit: Visit) -> None:
    tab = visit.open("/")
    visit.expect(lambda: tab.evaluate(GRANT), [page("/")])
    visit.expect(lambda: visit.open("/next"), [page("/next")], NOTHING_ELSE)
    assert visit.cookie() is not None


def test_what_is_called_before_the_grant_is_not_sent_after_it(visit: Visit) -> None:
    tab = visit.open("/")
    tab.evaluate("void footfall('track', 'Too early')")
    visit.expect(lambda: tab.evaluate(GRANT), [page("/")], [track("Too early")])


def test_a_withdrawal_wipes_cookie_and_storage_and_ends_it(visit: Visit) -> None:
    visit.shop.put("/", ROUTER)
    tab = visit.open("/")
    visit.expect(lambda: tab.evaluate(GRANT), [page("/")])
    with visit.relay.refusing(503, retry_after="30"):
        tab.evaluate("void footfall('track', 'Not yet acknowledged')")
        wait_for(lambda: len(tab.evaluate(KEPT)) > 0, lambda: "nothing was kept for later")
    visit.expect(lambda: tab.evaluate(REFUSE), [track(CHANGED)], [track("Not yet acknowledged")])
    assert visit.cookie() is None
    assert tab.evaluate(KEPT) == []
    visit.expect(lambda: (tab.click("#a"), tab.evaluate("void footfall('track', 'After')")), refute=NOTHING_ELSE)
    visit.expect(lambda: visit.open("/next"), refute=NOTHING_ELSE)
    assert not [cookie for cookie in visit.profile.cookies() if UUID.search(cookie["value"])]


def test_after_a_withdrawal_what_was_collected_is_deleted_by_keyboard(visit: Visit) -> None:
    mark = f"only-{uuid4().hex}"
    tab = visit.open("/")
    [view] = visit.expect(lambda: tab.evaluate(GRANT), [page("/")])
    visit.expect(lambda: tab.evaluate(f"void footfall('track', 'Quiz', {{a: '{mark}'}})"), [track("Quiz")])
    id = UUID_OF(view["anonymousId"]).bytes
    assert stands(visit, mark, id) == [mark, id]
    visit.expect(lambda: tab.evaluate(REFUSE), [track(CHANGED)])
    wait_for(lambda: tab.evaluate(f"!!{OFFER}"), lambda: "nothing was offered")
    assert tab.evaluate("document.activeElement === document.body"), "the offer took the focus"
    focused = f"{OFFER}?.shadowRoot.activeElement?.textContent"
    wait_for(lambda: (tab.press("Tab"), tab.evaluate(focused))[1] == "Delete what was collected", lambda: "no button")
    tab.press("Enter")
    told = f"{OFFER}?.shadowRoot.querySelector('[role=status]').textContent"
    wait_for(lambda: "Deleted." in (tab.evaluate(told) or ""), lambda: f"it was not deleted: {tab.evaluate(told)}")
    wait_for(lambda: stands(visit, mark, id) == [], lambda: f"still there: {stands(visit, mark, id)}")
    assert tab.evaluate(focused) == "Close"
    tab.press("Enter")
    assert not tab.evaluate(f"!!{OFFER}")
    assert traces(visit, tab) | {"sent": []} == NO_TRACES


def test_the_prompt_offers_it_too_once_a_yes_was_taken_back(visit: Visit) -> None:
    tab = visit.open("/")
    prompted(tab)
    tab.click("footfall-consent >>> button")
    quiet(visit.relay)
    assert not tab.evaluate(f"!!{OFFER}"), "nothing was collected"
    visit.expect(lambda: tab.evaluate(GRANT), [page("/")])
    tab.evaluate("void footfall('consent')")
    prompted(tab)
    visit.expect(lambda: tab.click("footfall-consent >>> button"), [track(CHANGED)])
    wait_for(lambda: tab.evaluate(f"!!{OFFER}"), lambda: "nothing was offered")
    assert not tab.evaluate(f"!!{PROMPT}")
    visit.expect(lambda: tab.evaluate(GRANT), [page("/")])
    assert not tab.evaluate(f"!!{OFFER}"), "there is a yes again"


def test_the_prompt_is_answered_by_keyboard(visit: Visit) -> None:
    tab = visit.open("/")
    prompted(tab)
    assert tab.evaluate("document.activeElement === document.body"), "the prompt took the focus"
    seen = []
    for _ in range(6):
        tab.press("Tab")
        seen.append(tab.evaluate(FOCUSED))
        if seen[-1] == "Accept":
            break
    assert "Accept" in seen, seen
    visit.expect(lambda: tab.press("Enter"), [page("/")])
    assert not tab.evaluate(f"!!{PROMPT}")
    visit.expect(lambda: tab.goto(f"{visit.shop.url}/next"), [page("/next")], NOTHING_ELSE)
    assert not tab.evaluate(f"!!{PROMPT}"), "it was asked again"


def test_who_refuses_is_not_asked_again_and_keeps_no_id(visit: Visit) -> None:
    tab = visit.open("/")
    prompted(tab)
    tab.click("footfall-consent >>> button")
    assert not tab.evaluate(f"!!{PROMPT}")
    tab.goto(f"{visit.shop.url}/next")
    quiet(visit.relay)
    assert not tab.evaluate(f"!!{PROMPT}")
    assert traces(visit, tab) | {"cookies": []} == NO_TRACES
    assert not [cookie for cookie in visit.profile.cookies() if UUID.search(cookie["value"])]


def test_each_purpose_can_be_chosen_and_the_log_has_what_was_shown(visit: Visit) -> None:
    told = {"Analytics": "we count", "Marketing": "we write"}
    wording = {"text": "May we?", "accept": "All", "refuse": "None", "choose": "Ticked", "purposes": told}
    prompt = json.dumps({"version": "9", "purposes": list(told), "texts": {"en": wording}})
    visit.shop.put("/", head=f"<script>footfallConfig = {{prompt: {prompt}}}</script>")
    tab = visit.open("/")
    prompted(tab)
    tab.click("footfall-consent >>> input")
    wait_for(lambda: tab.evaluate(f"{PROMPT}.shadowRoot.querySelector('input').checked"), lambda: "nothing was ticked")
    choose = (
        f"void [...{PROMPT}.shadowRoot.querySelectorAll('button')].find(one => one.textContent == 'Ticked').click()"
    )
    shown = {"text": "May we?\nAnalytics: we count\nMarketing: we write", "language": "en", "version": "9"}
    [change, _] = visit.expect(lambda: tab.evaluate(choose), [track(CHANGED, **shown), page("/")])
    assert change["context"]["consent"]["categoryPreferences"] == {"Analytics": True, "Marketing": False}
    [row] = visit.collector.query(
        "SELECT granted, refused, text, language, version FROM consent_log WHERE version = '9' AND visitor = ?",
        UUID_OF(change["anonymousId"]).bytes,
    )
    assert row == ("Analytics", "Marketing", *shown.values())


def test_the_shop_s_own_consent_tool_answers_in_the_prompt_s_place(visit: Visit) -> None:
    visit.shop.put("/", head="<script>window.footfall = function () { (footfall.q ??= []).push(arguments) };"
                   "footfall('consent', {Analytics: true, Marketing: false})</script>")  # fmt: skip
    [view] = visit.expect(lambda: visit.open("/"), [page("/")])
    assert view["context"]["consent"]["categoryPreferences"] == {"Analytics": True, "Marketing": False}
    quiet(visit.relay)
    assert not visit.tabs[0].evaluate(f"!!{PROMPT}")


def test_what_may_not_be_stored_is_in_no_file_and_what_was_refused_is_counted(visit: Visit, site: str) -> None:
    mark = f"never-{uuid4().hex}"
    tab = visit.open(f"/{mark}?utm_source={mark}")
    prompted(tab)
    tab.evaluate(f"void (footfall('track', '{mark}'), footfall('identify', '{mark}'))")
    quiet(visit.relay)
    before = refused(visit, site)
    forged = [forge(visit, tab, site), forge(visit, tab, site, "{categoryPreferences: {Marketing: true}}")]
    assert refused(visit, site) == before + 2
    tab.click("footfall-consent >>> button")
    tab.goto(f"{visit.shop.url}/{mark}/next")
    quiet(visit.relay)
    assert stands(visit, mark, *forged) == []


class TestCookieless:
    @pytest.fixture
    def site(self) -> str:
        return "quiet"

    def test_a_cookieless_site_tells_of_pages_and_keeps_nothing_on_the_device(self, visit: Visit) -> None:
        visit.expect(lambda: visit.open("/"), [page("/")])
        visit.expect(lambda: visit.tabs[0].evaluate("void footfall('track', 'Seen')"), [track("Seen")], NOTHING_ELSE)
        assert traces(visit, visit.tabs[0]) | {"sent": []} == NO_TRACES

    def test_of_who_it_was_nothing_is_in_any_file_and_a_refusal_is_counted(self, visit: Visit, site: str) -> None:
        where = f"seen-{uuid4().hex}"
        [view] = visit.expect(lambda: visit.open(f"/{where}"), [page(f"/{where}")])
        own = view["anonymousId"]
        before = refused(visit, site)
        refusing = forge(visit, visit.tabs[0], site, "{categoryPreferences: {Analytics: false}}")
        assert refused(visit, site) == before + 1
        forge(visit, visit.tabs[0], site)
        assert stands(visit, where) == [where]
        assert stands(visit, own, UUID_OF(own).bytes, refusing) == []


class TestOptOut:
    @pytest.fixture
    def site(self) -> str:
        return "shop"

    def test_global_privacy_control_is_a_refusal(self, visit: Visit) -> None:
        control = "<script>Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})</script>"
        visit.shop.put("/", head=control)
        tab = visit.open("/")
        quiet(visit.relay)
        assert traces(visit, tab) == NO_TRACES

    def test_an_objection_ends_it(self, visit: Visit) -> None:
        tab = visit.arrive("/")
        visit.expect(lambda: tab.evaluate(REFUSE), [track(CHANGED)])
        visit.expect(lambda: visit.open("/next"), refute=NOTHING_ELSE)
        assert visit.cookie() is None

    def test_after_an_objection_nothing_more_is_in_any_file_and_it_is_counted(self, visit: Visit, site: str) -> None:
        tab = visit.arrive("/")
        before, mark = refused(visit, site), f"after-{uuid4().hex}"
        visit.expect(lambda: tab.evaluate(REFUSE), [track(CHANGED)])
        wait_for(lambda: refused(visit, site) == before + 1, lambda: "the objection was not counted")
        tab.goto(f"{visit.shop.url}/{mark}")
        tab.evaluate(f"void footfall('track', '{mark}')")
        quiet(visit.relay)
        refusing = forge(visit, tab, site, "{categoryPreferences: {Analytics: false}}")
        assert refused(visit, site) == before + 2
        assert stands(visit, mark, refusing) == []
