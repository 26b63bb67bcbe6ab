"""The shop's own consent tool, as many of them speak: Google Consent Mode by `dataLayer`. And what an answer tells."""

from __future__ import annotations

import pytest

from browsers.engines import Tab
from browsers.expecting import page, quiet, track, wait_for
from browsers.test_consent import CHANGED, KEPT, NO_TRACES, NOTHING_ELSE, PROMPT, UUID, traces
from browsers.visiting import Visit

GTAG = "window.dataLayer = window.dataLayer || []; function gtag() { dataLayer.push(arguments) }"
DENIED = "gtag('consent', 'default', {analytics_storage: 'denied', ad_storage: 'denied', wait_for_update: 500})"
VIEW = "gtag('event', 'view_item', {currency: 'EUR', items: [{item_id: 'hat-1', price: '19.90'}]})"
ADD = "void gtag('event', 'add_to_cart', {items: [{item_id: 'hat-1'}]})"
ACCEPT = "void gtag('consent', 'update', {analytics_storage: 'granted', ad_storage: 'denied'})"
REJECT = "void gtag('consent', 'update', {analytics_storage: 'denied'})"
STUB = "window.footfall = function () { (footfall.q ??= []).push(arguments) }"
# Also what was set for a moment only is seen.
NOTED = """<script>window.noted = [];
const { get, set } = Object.getOwnPropertyDescriptor(Document.prototype, 'cookie');
Object.defineProperty(document, 'cookie', { get, set(text) { noted.push(text); set.call(document, text) } })</script>"""
CONTROL = "<script>Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})</script>"


def heard(visit: Visit, tab: Tab) -> None:
    """The part that hears the shop's tool is there: its push stands in the page's place."""
    wait_for(
        lambda: tab.evaluate("dataLayer.push !== Array.prototype.push && document.readyState == 'complete'"),
        lambda: "the dataLayer is not heard",
    )
    quiet(visit.relay)


def speaking(*commands: str) -> str:
    return f"<script>{GTAG}; {'; '.join(commands)}</script>"


@pytest.mark.parametrize("site", ["strict", "shop"])
def test_until_the_shop_s_tool_has_an_answer_nothing_is_kept_or_sent(visit: Visit, site: str) -> None:
    visit.shop.put("/hat", head=NOTED + speaking(DENIED, VIEW))
    tab = visit.open("/hat")
    heard(visit, tab)
    tab.evaluate(ADD)
    quiet(visit.relay)
    assert traces(visit, tab) == NO_TRACES
    assert not [text for text in tab.evaluate("noted") if UUID.search(text)]
    assert not tab.evaluate(f"!!{PROMPT}"), "it was asked twice"
    [view, viewed] = visit.expect(
        lambda: tab.evaluate(ACCEPT),
        [page("/hat"), track("Product Viewed", product_id="hat-1", price=19.9)],
        [track("Product Added")],
    )[:2]
    assert viewed["context"]["consent"]["categoryPreferences"] == {"Analytics": True, "Marketing": False}
    assert visit.cookie() is not None

    visit.expect(lambda: tab.goto(f"{visit.shop.url}/hat"), [page("/hat"), track("Product Viewed")], NOTHING_ELSE)
    assert visit.views()[-1]["anonymousId"] == view["anonymousId"]
    heard(visit, tab)
    visit.expect(lambda: tab.evaluate(REJECT), [track(CHANGED)], NOTHING_ELSE)
    assert visit.cookie() is None
    assert tab.evaluate(KEPT) == []
    visit.expect(lambda: tab.evaluate(ADD), refute=NOTHING_ELSE)


def test_a_default_that_grants_needs_no_answer(visit: Visit) -> None:
    granted = DENIED.replace("denied", "granted")
    visit.shop.put("/hat", head=speaking(granted, VIEW, STUB, "footfall('track', 'From the stub')"))
    calls = [page("/hat"), track("From the stub"), track("Product Viewed")]
    visit.expect(lambda: visit.open("/hat"), calls, NOTHING_ELSE)
    assert visit.cookie("footfall_consent") is None


def test_under_global_privacy_control_only_an_answer_grants(visit: Visit) -> None:
    visit.shop.put("/hat", head=CONTROL + speaking(DENIED.replace("denied", "granted")))
    tab = visit.open("/hat")
    heard(visit, tab)
    assert traces(visit, tab) == NO_TRACES
    visit.expect(lambda: tab.evaluate(ACCEPT), [page("/hat")])
    visit.expect(lambda: tab.reload(), [page("/hat")], NOTHING_ELSE)


def test_what_the_visitor_was_shown_is_told_with_the_answer(visit: Visit) -> None:
    tab = visit.arrive("/")
    shown = {"text": "May we?", "version": "3", "language": "en"}
    answer = f"void footfall('consent', {{Analytics: true, Marketing: false}}, {shown})"
    [told] = visit.expect(lambda: tab.evaluate(answer), [track(CHANGED, **shown)], NOTHING_ELSE)
    assert told["context"]["consent"]["categoryPreferences"] == {"Analytics": True, "Marketing": False}
