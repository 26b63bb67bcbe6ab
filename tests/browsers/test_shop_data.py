"""What the page's own structured data tells, in real browsers: a product that is shown is a `Product Viewed`."""

from __future__ import annotations

import json
from typing import Any

from browsers.expecting import page, track
from browsers.visiting import Visit

NOTHING_ELSE: list[dict[str, object]] = [{}]
SHOE = {
    "@context": "https://schema.org",
    "@type": "Product",
    "sku": "shoe-42",
    "name": "Heron shoe",
    "brand": {"@type": "Brand", "name": "Heron"},
    "offers": {
        "@type": "Offer",
        "price": "89.90",
        "priceCurrency": "EUR",
        "availability": "https://schema.org/InStock",
    },
}


def structured(*products: Any) -> str:
    return "".join(f'<script type="application/ld+json">{json.dumps(one)}</script>' for one in products)


def test_a_product_page_tells_of_its_product(visit: Visit) -> None:
    visit.shop.put("/shoe", structured(SHOE))
    viewed = track(
        "Product Viewed",
        sku="shoe-42",
        name="Heron shoe",
        brand="Heron",
        price=89.9,
        currency="EUR",
        availability="InStock",
    )
    visit.expect(lambda: visit.open("/shoe"), [page("/shoe"), viewed], NOTHING_ELSE)


def test_a_product_that_a_single_page_app_brings_later_is_seen(visit: Visit) -> None:
    visit.shop.put(
        "/", "<button id=\"go\" onclick=\"history.pushState({}, '', '/shoe'); setTimeout(show, 50)\">go</button>"
    )
    tab = visit.arrive("/")
    show = json.dumps(structured(SHOE))
    tab.evaluate(f"void (window.show = () => document.body.insertAdjacentHTML('beforeend', {show}))")
    visit.expect(lambda: tab.click("#go"), [page("/shoe"), track("Product Viewed", sku="shoe-42")], NOTHING_ELSE)


def test_a_list_of_products_is_no_product(visit: Visit) -> None:
    items = [{"@type": "ListItem", "position": n, "item": SHOE} for n in (1, 2)]
    visit.shop.put("/all", structured({"@type": "ItemList", "itemListElement": items}))
    visit.expect(lambda: visit.open("/all"), [page("/all")], NOTHING_ELSE)


def test_broken_structured_data_harms_nothing(visit: Visit) -> None:
    broken = '<script type="application/ld+json">{"@type": "Product", </script>'
    visit.shop.put("/shoe", broken + structured([None, 7, {"@graph": [SHOE]}]))
    visit.expect(lambda: visit.open("/shoe"), [page("/shoe"), track("Product Viewed", name="Heron shoe")], NOTHING_ELSE)
