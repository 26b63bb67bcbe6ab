"""A page that feeds Google Analytics through `dataLayer`, and has the tag beside it and not a line of code for it."""

from __future__ import annotations

import json
from html import escape
from typing import Any

from browsers.expecting import identify, page, track
from browsers.serving import Shop
from browsers.visiting import Visit

NOTHING_ELSE: list[dict[str, object]] = [{}]
GTAG = "window.dataLayer = window.dataLayer || []; function gtag() { dataLayer.push(arguments) }\n"
# What Google's own script does to a page: its push stands before the page's, and it keeps what was pushed.
TAG_MANAGER = """<script>window.gone = []; const before = dataLayer.push;
dataLayer.push = (...entries) => { gone.push(...entries); return before.apply(dataLayer, entries) }</script>"""
ITEM = {"item_id": "hat-1", "item_name": "Heron hat", "item_brand": "Heron", "item_category": "Hats", "price": "19.90"}
LINE = {"product_id": "hat-1", "name": "Heron hat", "price": 19.9, "quantity": 2}


def pushes(*entries: Any) -> str:
    """A script of the page that pushes these, each by itself."""
    return "<script>" + GTAG + "".join(f"dataLayer.push({json.dumps(one)});\n" for one in entries) + "</script>"


def ga4(event: str, **ecommerce: Any) -> dict[str, Any]:
    return {"event": event, "ecommerce": ecommerce}


def leading(to: str, call: str) -> str:
    """A button that pushes to the dataLayer and goes on right away."""
    return f'<button id="on" onclick="{escape(call)}; location = {to!r}">on</button>'


def open_shop(shop: Shop, order: str) -> None:
    """A list, a product, a cart, a checkout of steps, a thank-you page: as shops feed Google Analytics."""
    sold = [{**ITEM, "quantity": "2"}]
    cart = {"currency": "EUR", "value": "39.80", "items": sold}
    add = f"gtag('event', 'add_to_cart', {json.dumps(cart)})"
    listed = ga4("view_item_list", item_list_id="hats", item_list_name="Hats", items=[{**ITEM, "index": 1}])
    choose = f"dataLayer.push({json.dumps(ga4('select_item', items=[ITEM]))})"
    shop.put("/hats", leading("/hat", choose), head=pushes({"ecommerce": None}, listed))
    shop.put("/hat", leading("/cart", add), head=pushes(ga4("view_item", currency="EUR", items=[ITEM])))
    shop.put("/cart", leading("/checkout", ""), head=pushes(ga4("view_cart", **cart)))
    pay = "gtag('event', 'add_payment_info', {payment_type: 'Card'})"
    shop.put("/checkout", leading("/thanks", pay), head=pushes(ga4("begin_checkout", **cart)) + TAG_MANAGER)
    purchase = ga4("purchase", transaction_id=order, shipping="4.90", tax="7.14", **cart | {"value": "44.70"})
    shop.put("/thanks", head=pushes({"ecommerce": None}, purchase))


def test_the_whole_path_to_the_order_is_told_and_the_back_end_says_whose_it_is(visit: Visit) -> None:
    number = f"O{visit.relay.url[-5:]}"
    open_shop(visit.shop, number)
    visit.expect(
        lambda: visit.open("/hats"),
        [page("/hats"), track("Product List Viewed", list_id="hats", category="Hats")],
        NOTHING_ELSE,
    )
    [tab] = visit.tabs
    visit.expect(
        lambda: tab.click("#on"),
        [track("Product Clicked", product_id="hat-1", price=19.9), track("Product Viewed", currency="EUR")],
    )
    visit.expect(
        lambda: tab.click("#on"),
        [track("Product Added", currency="EUR", **LINE), track("Cart Viewed", value=39.8)],
    )
    visit.expect(lambda: tab.click("#on"), [track("Checkout Started", currency="EUR", value=39.8)])
    order = {"order_id": number, "total": 44.7, "shipping": 4.9, "tax": 7.14, "currency": "EUR"}
    [_, done, *_] = visit.expect(
        lambda: tab.click("#on"),
        [track("Payment Info Entered", payment_method="Card"), track("Order Completed", **order)],
        [track("Product Viewed"), identify(None)],
    )
    assert done["properties"]["products"][0].items() >= LINE.items()

    jane = f"jane{number}@x.example".lower()
    told = {"order_id": number, "total": 44.7, "currency": "EUR", "email": jane}
    body = {"type": "track", "event": "Order Completed", "properties": told}
    assert visit.collector.post("/v1/track", body, authorization="Bearer sk_shop").status_code == 200
    known = visit.collector.ask(f"/api/customers/email:{jane}")
    assert [one["visitor"] for one in known["visitors"]] == [done["anonymousId"]]
    assert (known["orders"]["count"], known["orders"]["unconfirmed"]) == (1, 0)
    assert known["money"][0]["gross"] == "44.7"
    assert any(event["name"] == "Product Viewed" for event in history(visit, jane))


def history(visit: Visit, email: str) -> list[Any]:
    events: list[Any] = visit.collector.ask(f"/api/customers/email:{email}/activity?limit=100")["events"]
    return events
