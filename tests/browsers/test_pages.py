"""Page views in real browsers: loads, single-page navigation, the back/forward cache."""

from __future__ import annotations

import pytest

from browsers.expecting import identify, page, quiet, track, wait_for
from browsers.visiting import Visit
from collector.web import builds

NOTHING_ELSE = [{}]
ROUTER = """<button id="push" onclick="history.pushState({}, '', '/a')">a</button>
<button id="replace" onclick="history.replaceState({}, '', '/b')">b</button>
<button id="same" onclick="history.pushState({}, '', location.pathname + '#part')">same</button>
<button id="late" onclick="history.pushState({}, '', '/late'); setTimeout(() => document.title = 'Late')">l</button>"""


def test_a_pasted_tag_alone_tells_of_the_page(visit: Visit) -> None:
    visit.expect(
        when=lambda: visit.open("/shoes?size=42"),
        calls=[page("/shoes", url=f"{visit.shop.url}/shoes?size=42", title="/shoes", referrer="")],
        refute=NOTHING_ELSE,
    )


def test_a_followed_link_tells_where_it_came_from(visit: Visit) -> None:
    visit.shop.put("/", '<a id="on" href="/shoes">shoes</a>')
    tab = visit.arrive("/")
    visit.expect(
        when=lambda: tab.click("#on"),
        calls=[page("/shoes", referrer=f"{visit.shop.url}/")],
        refute=NOTHING_ELSE,
    )


def test_each_new_address_within_a_document_is_a_page(visit: Visit) -> None:
    visit.shop.put("/", ROUTER)
    tab = visit.arrive("/")
    here = visit.shop.url
    visit.expect(lambda: tab.click("#push"), [page("/a", referrer=f"{here}/")], NOTHING_ELSE)
    visit.expect(lambda: tab.click("#replace"), [page("/b", referrer=f"{here}/a")], NOTHING_ELSE)
    visit.expect(lambda: tab.back(), [page("/", referrer=f"{here}/b")], NOTHING_ELSE)
    visit.expect(lambda: tab.forward(), [page("/b", referrer=f"{here}/")], NOTHING_ELSE)


def test_the_same_address_again_is_no_new_page(visit: Visit) -> None:
    visit.shop.put("/", ROUTER)
    tab = visit.arrive("/")
    visit.expect(lambda: (tab.click("#same"), tab.click("#same")), refute=NOTHING_ELSE)


def test_a_title_set_after_the_address_is_the_page_s(visit: Visit) -> None:
    visit.shop.put("/", ROUTER)
    tab = visit.arrive("/")
    visit.expect(lambda: tab.click("#late"), [page("/late", title="Late")], NOTHING_ELSE)


def test_a_return_from_the_back_forward_cache_is_a_page(visit: Visit) -> None:
    visit.shop.put("/", '<a id="on" href="/shoes">shoes</a>')
    tab = visit.arrive("/")
    tab.evaluate("void addEventListener('pageshow', event => window.kept = event.persisted)")
    quiet(visit.relay)  # browsers keep no page that waits for an answer
    visit.expect(lambda: tab.click("#on"), [page("/shoes")])
    visit.expect(lambda: tab.back(), [page("/")], NOTHING_ELSE)
    assert tab.evaluate("window.kept"), "the snippet cost the page its back/forward cache"


def test_a_reload_is_a_page(visit: Visit) -> None:
    tab = visit.arrive("/")
    visit.expect(lambda: tab.reload(), [page("/")], NOTHING_ELSE)


def test_two_tags_by_mistake_count_once(visit: Visit) -> None:
    visit.shop.put("/twice", visit.shop.tag())
    visit.expect(lambda: visit.open("/twice"), [page("/twice")], NOTHING_ELSE)


def test_a_page_that_shows_nothing_of_the_visitor_sends_what_the_contract_lists(visit: Visit) -> None:
    [view] = visit.expect(lambda: visit.open("/"), [page("/")])
    context = view["context"]
    assert context["library"]["name"] == "footfall.js"
    assert {"page", "locale", "timezone", "screen", "consent"} <= set(context)
    assert "ip" not in context
    quiet(visit.relay)
    assert [exchange.headers.get("cookie") for exchange in visit.relay.exchanges if exchange.calls] == [None]


def test_with_hash_routing_the_part_behind_the_hash_tells_pages_apart(visit: Visit) -> None:
    visit.shop.put("/", tag=visit.shop.tag(data_hash="on"))
    tab = visit.arrive("/")
    here = visit.shop.url
    visit.expect(
        lambda: tab.evaluate("void (location.hash = '#/cart')"), [page("/", url=f"{here}/#/cart")], NOTHING_ELSE
    )


def test_the_canonical_address_stands_for_all_others_where_the_shop_says_so(visit: Visit) -> None:
    canonical = f'<link rel="canonical" href="{visit.shop.url}/boots">'
    visit.shop.put("/shoes", head=canonical, tag=visit.shop.tag(data_canonical="on"))
    visit.expect(lambda: visit.open("/shoes?colour=red"), [page("/boots", search="")], NOTHING_ELSE)


def test_of_parameters_only_those_leave_the_browser_that_the_shop_lists(visit: Visit) -> None:
    visit.shop.put("/find", tag=visit.shop.tag(data_query="q, size"))
    asked = "/find?q=boots&email=jane@x.example&size=42&other=1&utm_source=news"
    visit.expect(lambda: visit.open(asked), [page("/find", search="?q=boots&size=42&utm_source=news")], NOTHING_ELSE)
    assert "jane" not in str(visit.relay.calls())


def test_who_is_logged_in_may_stand_on_the_tag(visit: Visit) -> None:
    visit.shop.put("/account", tag=visit.shop.tag(data_user="42", data_user_token="signed"))
    [_, who] = visit.expect(lambda: visit.open("/account"), [page("/account"), identify("42")], NOTHING_ELSE)
    assert who["context"]["identityToken"] == "signed"


# Of the three only Chromium makes pages ready in the background.
@pytest.mark.engines("chromium")
def test_a_page_made_ready_in_the_background_counts_when_it_is_looked_at(visit: Visit) -> None:
    rules = (
        """<script type="speculationrules">{"prerender": [{"urls": ["/next"], "eagerness": "immediate"}]}</script>"""
    )
    visit.shop.put("/", '<a id="on" href="/next">on</a>', head=rules)
    ready = (
        "document.prerendering && document.addEventListener('prerenderingchange', () => footfall('track', 'Was ready'))"
    )
    visit.shop.put("/next", head=f"<script>{builds.stub()}\n{ready}</script>")
    tab = visit.arrive("/")
    wait_for(lambda: "/next" in visit.shop.asked, lambda: "nothing was made ready")
    visit.expect(lambda: None, refute=NOTHING_ELSE)
    visit.expect(lambda: tab.click("#on"), [page("/next"), track("Was ready")], NOTHING_ELSE)
    visit.tabs.remove(tab)  # the driver knows it no longer: the page made ready came in its place
