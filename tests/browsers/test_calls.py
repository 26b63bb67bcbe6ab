"""What pages call themselves: track, identify, reset, before the script has come and after; and who the visitor is."""

from __future__ import annotations

import re
import time

from browsers.expecting import identify, page, track
from browsers.visiting import Visit
from collector.web import builds

UUID_7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
DAY_S = 86_400
NOTHING_ELSE: list[dict[str, object]] = [{}]


def stub(*calls: str) -> str:
    """The stub as the shop pastes it, and calls right behind it."""
    return f"<script>{builds.stub()}\n{';'.join(calls)}</script>"


def test_calls_made_before_the_script_has_come_follow_the_page_in_their_order(visit: Visit) -> None:
    early = stub(
        "footfall('track', 'Product Added', {sku: 'a'})", "footfall('identify', 42, {email: 'jane@x.example'})"
    )
    visit.shop.put("/", head=early)
    visit.expect(
        lambda: visit.open("/"),
        [page("/"), track("Product Added", sku="a"), identify("42", email="jane@x.example")],
        NOTHING_ELSE,
    )


def test_a_shop_may_hold_on_to_the_stub(visit: Visit) -> None:
    visit.shop.put("/", head=stub("window.kept = footfall"))
    tab = visit.arrive("/")
    visit.expect(lambda: tab.evaluate("void kept('track', 'Late')"), [track("Late")], NOTHING_ELSE)


def test_an_event_keeps_its_properties_as_they_were_when_it_was_told(visit: Visit) -> None:
    tab = visit.arrive("/")
    tell = (
        "(p => { footfall('track', 'Product Added', p); p.products[0].price = 0 })({products: [{price: 1.5, 名: 'é'}]})"
    )
    visit.expect(
        lambda: tab.evaluate(tell), [track("Product Added", products=[{"price": 1.5, "名": "é"}])], NOTHING_ELSE
    )


def test_the_visitor_is_a_cookie_of_the_shop_s_own(visit: Visit) -> None:
    [view] = visit.expect(lambda: visit.open("/"), [page("/")])
    cookie = visit.cookie()
    assert cookie is not None
    assert UUID_7.fullmatch(cookie["value"])
    assert cookie["value"] == view["anonymousId"]
    assert (cookie["path"], cookie["sameSite"].lower(), cookie["httpOnly"]) == ("/", "lax", False)
    assert 390 * DAY_S < cookie["expiry"] - time.time() < 400 * DAY_S


def test_ids_are_uuids_that_sort_by_time(visit: Visit) -> None:
    tab = visit.arrive("/")
    calls = visit.expect(
        lambda: tab.evaluate("void [1, 2, 3].forEach(n => footfall('track', 'Counted', {n}))"),
        [track("Counted", n=n) for n in (1, 2, 3)],
    )
    ids = [call["messageId"] for call in calls]
    assert all(UUID_7.fullmatch(id) for id in ids)
    assert ids == sorted(ids)


def test_the_visitor_stays_the_same_from_page_to_page_and_tab_to_tab(visit: Visit) -> None:
    first, second = visit.arrive("/"), visit.arrive("/two")
    first.goto(f"{visit.shop.url}/three")
    visit.expect(lambda: second.evaluate("void footfall('track', 'Last')"), [track("Last")])
    assert len({call["anonymousId"] for call in visit.relay.calls()}) == 1


def test_reset_signs_out_and_begins_a_new_visitor(visit: Visit) -> None:
    tab = visit.arrive("/")
    signed_in = "footfall('identify', '42')"
    left = "footfall('reset')"
    after = "footfall('track', 'Anonymous again')"
    [who, out, new] = visit.expect(
        lambda: tab.evaluate(f"void ({signed_in}, {left}, {after})"),
        [identify("42"), track("Signed Out"), track("Anonymous again")],
        NOTHING_ELSE,
    )
    assert who["anonymousId"] == out["anonymousId"] != new["anonymousId"]
    cookie = visit.cookie()
    assert cookie is not None
    assert cookie["value"] == new["anonymousId"]


def test_nonsense_harms_neither_the_page_nor_the_next_call(visit: Visit) -> None:
    tab = visit.arrive("/")
    nonsense = """void [['nothing such'], [], [null], ['track'], ['track', 'Loop', (o => o.o = o)({})],
        ['track', 'Big', {n: 1n}],
        ['identify'], ['consent', 7], [{}], ['track', 'Getter', {get a() { throw new Error('hostile') }}]]
        .forEach(call => footfall(...call))"""
    visit.expect(lambda: (tab.evaluate(nonsense), tab.evaluate("void footfall('track', 'Sane')")), [track("Sane")])
