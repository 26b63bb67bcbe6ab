"""Pages that are hard on scripts: sandboxes without storage, strict content security policies, hostile frameworks."""

from __future__ import annotations

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
