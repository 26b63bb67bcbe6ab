"""Page views in real browsers: loads, single-page navigation, the back/forward cache."""

from __future__ import annotations

from browsers.expecting import page, quiet
from browsers.visiting import Visit

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
