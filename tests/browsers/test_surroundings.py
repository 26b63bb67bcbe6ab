"""Pages that are hard on scripts: sandboxes without storage, strict content security policies, hostile frameworks."""

from __future__ import annotations

from uuid import UUID

import pytest

from browsers.expecting import page, quiet, track, wait_for
from browsers.visiting import Visit
from collector.web import builds

NOTHING_ELSE: list[dict[str, object]] = [{}]
TELL_PARENT = """<script>addEventListener('error', event => parent.postMessage({faults: [event.message]}, '*'));
addEventListener('unhandledrejection', event => parent.postMessage({faults: [String(event.reason)]}, '*'))</script>"""


def strict_policy(visit: Visit) -> str:
    """Allows the collector's scripts and requests; beside them only the icon that browsers ask for by themselves."""
    collector = visit.relay.url
    return f"default-src 'none'; script-src {collector} 'nonce-page'; connect-src {collector}; img-src 'self'"


def test_a_sandboxed_frame_in_which_storage_throws_is_survived(visit: Visit) -> None:
    visit.shop.put("/framed", head=TELL_PARENT)
    visit.shop.put("/", '<iframe sandbox="allow-scripts" src="/framed"></iframe>', tag="")
    visit.expect(lambda: visit.open("/"), [page("/framed")], NOTHING_ELSE)


def test_without_cookies_and_storage_the_visitor_lasts_as_long_as_the_page(visit: Visit) -> None:
    throwing = """<script>for (const [place, name] of [[window, 'localStorage'], [Document.prototype, 'cookie']])
        Object.defineProperty(place, name, {get() { throw new DOMException('no', 'SecurityError') },
          set() { throw new DOMException('no', 'SecurityError') }})</script>"""
    visit.shop.put("/", head=throwing)
    [view, later] = visit.expect(
        lambda: visit.open("/").evaluate("void footfall('track', 'Later')"), [page("/"), track("Later")], NOTHING_ELSE
    )
    assert view["anonymousId"] == later["anonymousId"]


def test_a_strict_policy_that_allows_the_collector_is_enough(visit: Visit) -> None:
    visit.shop.put("/", content_security_policy=strict_policy(visit))
    visit.expect(lambda: visit.open("/"), [page("/")], NOTHING_ELSE)


def test_the_versioned_tag_and_its_parts_run_with_their_integrity(visit: Visit) -> None:
    tag = (
        f'<script async src="{visit.relay.url}{builds.versioned_path()}" integrity="{builds.version().integrity}" '
        f'crossorigin="anonymous" data-key="wk_shop" data-consent="opt-out"></script>'
    )
    head = "<script>dataLayer = [{event: 'view_item', ecommerce: {items: [{item_id: 'hat-1'}]}}]</script>"
    visit.shop.put("/", head=head, tag=tag)
    viewed = track("Product Viewed", product_id="hat-1")
    visit.expect(lambda: visit.open("/"), [page("/"), viewed], NOTHING_ELSE)


def test_settings_may_stand_in_the_page_where_a_tag_manager_strips_attributes(visit: Visit) -> None:
    settings = "<script>window.footfallConfig = {key: 'wk_shop'}</script>"
    visit.shop.put("/", head=settings, tag=f'<script async src="{visit.relay.url}/f.js"></script>')
    visit.expect(lambda: visit.open("/"), [page("/")], NOTHING_ELSE)


def test_a_framework_that_spoils_arrays_and_objects_is_survived(visit: Visit) -> None:
    spoiled = """<script>Object.prototype.polluted = 'yes'; Array.prototype.extra = function () {};
        Object.defineProperty(Object.prototype, 'q', {value: 7, writable: true, configurable: true})</script>"""
    visit.shop.put("/", head=spoiled)
    visit.expect(lambda: visit.open("/"), [page("/")])


def test_an_image_that_calls_itself_the_script_s_tag_brings_no_script_of_its_own(visit: Visit) -> None:
    """As a review may bring along: `document.currentScript` is then the image."""
    clobbering = (
        f"""<img name="currentScript" src="{visit.shop.url}/evil/x.js" data-key="wk_shop" data-consent="opt-out">"""
    )
    visit.shop.put("/", head=clobbering)
    tab = visit.open("/")
    quiet(visit.relay)
    assert not [asked for asked in visit.shop.asked if asked.startswith("/evil/f.")]
    assert not visit.relay.calls() and tab.evaluate("typeof footfall") == "undefined"
    settings = f"<script>window.footfallConfig = {{key: 'wk_shop', url: '{visit.relay.url}'}}</script>"
    visit.shop.put("/", head=clobbering + settings)
    visit.expect(lambda: visit.open("/"), [page("/")], NOTHING_ELSE)


def test_a_library_of_old_that_replaces_array_from_leaves_ids_what_they_are(visit: Visit) -> None:
    prototype = (
        "<script>Array.from = (many) => { const all = []; for (const one of many) all.push(one); return all }</script>"
    )
    visit.shop.put("/", head=prototype)
    [view] = visit.expect(lambda: visit.open("/"), [page("/")], NOTHING_ELSE)
    assert UUID(view["anonymousId"]).version == UUID(view["messageId"]).version == 7


def test_a_hook_that_tracks_and_one_that_gives_what_is_no_json_hold_up_nothing(visit: Visit) -> None:
    hook = """<script>window.footfallConfig = {attention: false, beforeSend(call) {
        if (call.event == 'A') footfall('track', 'Made By The Hook')
        if (call.event == 'Circular') call.properties.self = call
        return call }}</script>"""
    visit.shop.put("/", head=hook)
    tab = visit.arrive("/")
    made = [track("A"), track("Made By The Hook")]
    visit.expect(lambda: tab.evaluate("void (footfall('track', 'A'), footfall('track', 'Circular', {}))"), made)
    visit.expect(lambda: tab.evaluate("void footfall('track', 'Later')"), [track("Later")], NOTHING_ELSE)


def test_yes_no_and_yes_again_before_the_parts_have_come_begins_each_once(visit: Visit) -> None:
    answers = "".join(f"footfall('consent', {{Analytics: {yes}}});" for yes in ("true", "false", "true"))
    stub = "<script>footfall = (...call) => footfall.q.push(call); footfall.q = []</script>"
    visit.shop.put(
        "/", '<button id="buy" data-ff-event="Bought">buy</button>', head=stub + f"<script>{answers}</script>",
        tag=visit.shop.tag(data_search="q"),
    )  # fmt: skip
    visit.expect(lambda: visit.open("/?q=hat"), [track("Products Searched", query="hat")])
    quiet(visit.relay)
    visit.expect(lambda: visit.tabs[-1].click("#buy"), [track("Bought")], NOTHING_ELSE)


def test_a_collector_that_is_not_there_does_not_show(visit: Visit) -> None:
    with visit.relay.down():
        tab = visit.open("/")
        quiet(visit.relay)
        assert tab.evaluate("document.title") == "/"
        faults = tab.evaluate("window.faults")
        assert faults in ([], [f"{visit.relay.url}/f.js"])
        tab.evaluate("void (window.faults = [])")


def test_the_page_sees_one_global_and_no_change_of_its_own(visit: Visit) -> None:
    visit.shop.put("/", head="<script>window.before = Object.keys(window)</script>")
    tab = visit.arrive("/")
    added = "Object.keys(window).filter(name => !before.includes(name) && name !== 'before')"
    assert tab.evaluate(added) == ["footfall"]
    wait_for(
        lambda: tab.evaluate("document.querySelectorAll('script').length") == 3, lambda: "a script was left behind"
    )


class TestOptIn:
    @pytest.fixture
    def site(self) -> str:
        return "strict"

    def test_the_prompt_needs_nothing_that_a_strict_policy_forbids(self, visit: Visit) -> None:
        visit.shop.put("/", content_security_policy=strict_policy(visit))
        tab = visit.open("/")
        wait_for(lambda: tab.evaluate("!!document.querySelector('footfall-consent')"), lambda: "no prompt")
        accept = "footfall-consent >>> button:last-of-type"
        visit.expect(lambda: tab.click(accept), [track("Segment Consent Preference Updated"), page("/")], NOTHING_ELSE)
