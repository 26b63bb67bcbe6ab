"""The demo shop's pages to look around in: front page, lists, products, search, and what stands in the footer."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from collector.demo import facts
from collector.demo.catalogue import CATEGORIES, CURRENCIES, FEATURED, PRODUCTS, Product, Variant, find, listed
from collector.demo.visit import Visit, handled
from collector.enrich.email_address import normalise_email

QUERY_MAX = 100
SORTS = {"": "Our choice", "price": "Price, low to high", "name": "Name"}
_SCHEMA_NAMES = {"Colour": "color", "Size": "size", "Pattern": "pattern"}
LETTERS = {"delivery": "Delivery and returns", "about": "About this shop", "privacy": "Privacy and consent"}


def home(visit: Visit) -> Response:
    """The front page, with the promotion."""
    products = [PRODUCTS[id] for id in FEATURED]
    promoted = PRODUCTS["204"]
    visit.track("Promotion Viewed", facts.promotion())
    visit.track("Product List Viewed", facts.products_list("home", products, visit.session.basket.currency))
    return visit.page("home.html", cards=_cards(visit, products), promotion=facts.promotion(), promoted=promoted)


def category(visit: Visit) -> Response:
    """A category's products, perhaps only those on sale, perhaps sorted."""
    chosen = CATEGORIES.get(visit.request.path_params["category"])
    if chosen is None:
        raise HTTPException(404)
    currency = visit.session.basket.currency
    asked = visit.request.query_params
    sort = asked.get("sort", "") if asked.get("sort") in SORTS else ""
    sale = asked.get("sale") == "1"
    products = _sorted([one for one in listed(chosen.id) if one.sale or not sale], sort, currency)
    told = facts.products_list(chosen.id, products, currency)
    if sale or sort:
        filters = [{"type": "sale", "value": "yes"}] if sale else []
        sorts = [facts.sorting(sort)] if sort else []
        visit.track("Product List Filtered", told | {"filters": filters, "sorts": sorts})
    else:
        visit.track("Product List Viewed", told)
    cards = _cards(visit, products)
    return visit.page("list.html", category=chosen, cards=cards, sorts=SORTS, sort=sort, sale=sale)


def product(visit: Visit) -> Response:
    """One product. Its structured data says `Product Viewed` by itself: the tag reads it."""
    found = PRODUCTS.get(visit.request.path_params["product"].partition("-")[0])
    if found is None:
        raise HTTPException(404)
    wanted = visit.request.query_params.get("variant")
    variants = {variant.id: variant for variant in found.variants}
    chosen = variants.get(wanted or "") or next((one for one in found.variants if one.in_stock), found.variants[0])
    currency = visit.session.basket.currency
    related = [one for one in listed(found.category) if one.id != found.id][:4]
    return visit.page(
        "product.html",
        product=found,
        category=CATEGORIES[found.category],
        variant=chosen,
        price=found.price(currency, chosen),
        list_price=found.list_price(currency, chosen),
        structured=_structured(visit, found, chosen),
        cards=_cards(visit, related),
    )


def search(visit: Visit) -> Response:
    """What holds the words, or nothing, which is told too."""
    query = visit.request.query_params.get("q", "").strip()[:QUERY_MAX]
    products = find(query)
    if query:
        visit.track("Products Searched", facts.search(query, len(products)))
    return visit.page("search.html", query=query, cards=_cards(visit, products))


def letter(visit: Visit) -> Response:
    """One of the plain pages."""
    name = visit.request.path_params["name"]
    if name not in LETTERS:
        raise HTTPException(404)
    return visit.page("letter.html", name=name, title=LETTERS[name])


def newsletter(visit: Visit) -> Response:
    """An address for the newsletter makes its visitor known."""
    email = normalise_email(visit.form.get("email", ""))
    if email is None or len(email) > QUERY_MAX:
        return visit.go("", "That is no e-mail address, so nothing was signed up.")
    visit.call("identify", None, {"email": email, "newsletter": True})
    return visit.go("", f"The newsletter goes to {email}. (It does not: this is a demo.)")


def currency(visit: Visit) -> Response:
    """Prices in the other currency, the cart's too."""
    wanted = visit.form.get("currency", "")
    if wanted in CURRENCIES:
        visit.change(basket=visit.session.basket.in_currency(wanted))
    return visit.go("")


def _sorted(products: list[Product], sort: str, currency: str) -> list[Product]:
    if sort == "price":
        return sorted(products, key=lambda one: one.price(currency))
    return sorted(products, key=lambda one: one.name) if sort == "name" else products


def _cards(visit: Visit, products: list[Product]) -> list[dict[str, Any]]:
    """Products as a list shows them, each with what a click on it tells."""
    currency = visit.session.basket.currency
    return [
        {
            "product": one,
            "price": one.price(currency),
            "list_price": one.list_price(currency),
            "click": ["track", "Product Clicked", facts.product(one, currency, position=place)],
        }
        for place, one in enumerate(products, 1)
    ]


def _structured(visit: Visit, one: Product, variant: Variant) -> dict[str, Any]:
    """schema.org's `Product`, as search engines want it: https://schema.org/Product."""
    base = visit.address
    currency = visit.session.basket.currency
    offer: dict[str, Any] = {
        "@type": "Offer",
        "url": f"{base}/{one.path}?variant={variant.id}",
        "price": str(one.price(currency, variant)),
        "priceCurrency": currency,
        "availability": f"https://schema.org/{'InStock' if variant.in_stock else 'OutOfStock'}",
        "itemCondition": "https://schema.org/NewCondition",
    }
    if one.sale:
        offer["priceSpecification"] = {
            "@type": "UnitPriceSpecification",
            "priceType": "https://schema.org/StrikethroughPrice",
            "price": str(one.list_price(currency, variant)),
            "priceCurrency": currency,
        }
    return {
        "@context": "https://schema.org",
        "@type": "Product",
        "productID": one.id,
        "sku": variant.id,
        "name": one.name,
        "description": one.description,
        "category": CATEGORIES[one.category].name,
        "image": f"{base}/static/products/{one.id}.svg",
        "url": f"{base}/{one.path}",
        "brand": {"@type": "Brand", "name": one.brand},
        **({_SCHEMA_NAMES[one.choice]: variant.name} if one.choice in _SCHEMA_NAMES else {}),
        "offers": offer,
    }


routes = [
    Route("/", handled(home)),
    Route("/c/{category}", handled(category)),
    Route("/p/{product}", handled(product)),
    Route("/search", handled(search)),
    Route("/about/{name}", handled(letter)),
    Route("/newsletter", handled(newsletter), methods=["POST"]),
    Route("/currency", handled(currency), methods=["POST"]),
]
