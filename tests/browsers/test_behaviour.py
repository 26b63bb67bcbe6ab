"""What the visitor does on a page, in real browsers: declared clicks and forms, links, searches, attention."""

from __future__ import annotations

from typing import Any

from browsers.engines import Tab
from browsers.expecting import PAGE_LEFT, page, quiet, track
from browsers.visiting import Visit

CLOSED = 3
NOTHING_ELSE: list[dict[str, object]] = [{}]
# A page on which time goes by as a test says.
CLOCK = "<script>window.later = 0; const { now } = Date; Date.now = () => now() + later</script>"
TALL = '<div style="height: 5000px"></div><a id="on" href="/next">on</a>'
ROUTE = """<button id="on" onclick="history.pushState({}, '', '/b'); document.title = 'B'">b</button>"""
SHADOW = """<div id="host"></div><script nonce="page">host.attachShadow({mode: 'open'}).innerHTML =
'<button data-ff-event="Size Chosen" data-ff-size="42">42</button>'</script>"""
CARD = """<div data-ff-product-id="007" data-ff-currency="EUR"><button data-ff-event="Product Added" data-ff-sku="A-1"
data-ff-price="19.90" data-ff-quantity="2" onclick="event.stopPropagation()">
<svg id="icon" width="20" height="20"><rect width="20" height="20"/></svg></button></div>"""
FORM = """<form data-ff-event="Product Added" data-ff-sku="B-2" onsubmit="event.preventDefault()">
<input name="quantity" value="3"><input name="text" value="private"><button id="send">add</button></form>"""


def arrive(visit: Visit, path: str, body: str) -> Tab:
    """A page with a search in its address, so that one sees when the part that watches has come."""
    visit.shop.put(path, body, head=CLOCK, tag=visit.shop.tag(data_search="q"))
    visit.expect(lambda: visit.open(f"{path}?q=hats"), [page(path), track("Products Searched", query="hats")])
    return visit.tabs[-1]


def left(path: str, **properties: Any) -> dict[str, Any]:
    return page(path) | track(PAGE_LEFT, **properties)


def test_what_a_page_declares_is_told_by_click_and_by_form(visit: Visit) -> None:
    tab = arrive(visit, "/hat", CARD + FORM + SHADOW)
    added = {"product_id": "007", "currency": "EUR", "sku": "A-1", "price": 19.9, "quantity": 2}
    visit.expect(lambda: tab.click("#icon"), [track("Product Added", **added)], NOTHING_ELSE)
    [sent] = visit.expect(lambda: tab.click("#send"), [track("Product Added", sku="B-2")], NOTHING_ELSE)
    assert sent["properties"] == {"sku": "B-2", "quantity": 3}
    visit.expect(lambda: tab.click("#host >>> button"), [track("Size Chosen", size="42")], NOTHING_ELSE)


def test_links_that_lead_elsewhere_and_files_are_told_as_the_page_leaves(visit: Visit) -> None:
    elsewhere = visit.shop.url.replace("localhost", "127.0.0.1")
    visit.shop.put("/friends", tag="")
    tab = arrive(
        visit,
        "/",
        f"""<a id="out" href="{elsewhere}/friends?email=jane%40x.example&x=1">out</a>
        <a id="file" href="/guide.pdf" onclick="event.preventDefault()">guide</a><a id="here" href="#part">part</a>""",
    )
    file = track("File Downloaded", href=f"{visit.shop.url}/guide.pdf", name="guide.pdf")
    visit.expect(lambda: tab.click("#file"), [file], NOTHING_ELSE)
    visit.expect(lambda: tab.click("#here"), refute=NOTHING_ELSE)
    out = track("Outbound Link Clicked", href=f"{elsewhere}/friends?x=1", host=elsewhere.removeprefix("http://"))
    visit.expect(lambda: tab.click("#out"), [out], NOTHING_ELSE)


def test_attention_is_told_once_as_the_page_is_left(visit: Visit) -> None:
    tab = arrive(visit, "/hat", TALL)
    tab.evaluate("void (later = 12000, scrollTo(0, 1e6))")
    # What Firefox cuts off of it comes with the next page's.
    onward = visit.shop.url + "/next"
    told, *_ = visit.expect(lambda: tab.goto(onward), [left("/hat", scroll_percent=100)], [track(PAGE_LEFT)])
    assert 12 <= told["properties"]["engaged_seconds"] < 40


def test_a_closed_tab_tells_of_its_attention_once_then_or_on_the_next_visit(visit: Visit) -> None:
    """Firefox may cut off whatever a closing page still does: one tab in a hundred tells nothing, and one here may."""
    for round in range(CLOSED):
        tab = arrive(visit, f"/{round}", TALL)
        tab.evaluate("void (later = 12000)")
        visit.close(tab)
    quiet(visit.relay)
    visit.arrive("/next")
    quiet(visit.relay)
    told = {
        call["messageId"]: call["context"]["page"]["path"]
        for call in visit.relay.calls()
        if call.get("event") == PAGE_LEFT
    }
    assert len(set(told.values())) == len(told) >= CLOSED - 1, told


def test_attention_to_a_page_of_a_single_page_app_is_that_page_s(visit: Visit) -> None:
    tab = arrive(visit, "/hat", ROUTE)
    tab.evaluate("void (later = 5000)")
    visit.expect(lambda: tab.click("#on"), [left("/hat", scroll_percent=100), page("/b")], [track(PAGE_LEFT)])
