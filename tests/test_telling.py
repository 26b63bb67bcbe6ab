"""Events as sentences: the wanted sentence beside what was sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.web.console.amounts import money
from collector.web.console.telling import TRACKED, WORDS_MAX, tell

ROOT = Path(__file__).parents[1]
BOOTS = {"product_id": "17", "name": "Red boots", "price": 89}
LINES = [{"product_id": "17", "name": "Red boots", "quantity": 2}, {"product_id": "9", "name": "Socks"}]
ORDER = {"order_id": "1001", "total": 89, "currency": "EUR"}

TOLD: list[tuple[str, dict[str, Any], str]] = [
    ("Product Viewed", BOOTS, "viewed Red boots"),
    ("Product Viewed", {**BOOTS, "variant": "42"}, "viewed Red boots (42)"),
    ("Product Viewed", {**BOOTS, "variant": "Red"}, "viewed Red boots"),
    ("Product Viewed", {"sku": "B-17"}, "viewed product B-17"),
    ("Product Viewed", {"product_id": 17}, "viewed product 17"),
    ("Product Viewed", {}, "viewed a product"),
    ("Product Clicked", BOOTS, "clicked on Red boots"),
    ("Product Added", {**BOOTS, "quantity": 2}, "added 2 × Red boots to the cart"),
    ("Product Added", {**BOOTS, "quantity": "1"}, "added Red boots to the cart"),
    ("Product Added", {**BOOTS, "quantity": 0.5}, "added 0.5 × Red boots to the cart"),
    ("Product Added", {"products": [{**BOOTS, "quantity": 3}]}, "added 3 × Red boots to the cart"),
    ("Product Added", {"products": LINES}, "added Red boots and 1 more to the cart"),
    ("Product Removed", BOOTS, "removed Red boots from the cart"),
    ("Product List Viewed", {"category": "Boots"}, "looked through Boots"),
    ("Product List Viewed", {}, "looked through a list of products"),
    (
        "Product List Filtered",
        {
            "category": "Boots",
            "filters": [{"type": "size", "value": 42}, {"value": "red"}],
            "sorts": [{"type": "price", "value": "asc"}],
        },
        "filtered Boots by size: 42, red, sorted by price (ascending)",
    ),
    *(
        ("Product List Filtered", {"category": "Boots", "sorts": [sort]}, f"filtered Boots, sorted by {told}")
        for sort, told in (
            ({"type": "price", "value": "desc"}, "price (descending)"),
            ({"type": "Price", "value": "low to high"}, "Price (low to high)"),
            ({"type": "price"}, "price"),
            ({"value": "price"}, "price"),
            ({"type": "sort", "value": "price"}, "price"),
            ({"type": "Sort_By", "value": "price"}, "price"),
        )
    ),
    ("Product List Filtered", {}, "filtered a list of products"),
    ("Products Searched", {"query": "boots"}, "searched for “boots”"),
    ("Products Searched", {"query": "bootz", "results": 0}, "searched for “bootz” and found nothing"),
    ("Products Searched", {"query": "boots", "results": 12}, "searched for “boots” and found 12"),
    ("Products Searched", {}, "searched the shop"),
    ("Cart Viewed", {"products": LINES, "value": "89.5", "currency": "eur"}, "looked at the cart (3 items, 89.50 EUR)"),
    ("Cart Viewed", {"products": LINES[1:]}, "looked at the cart (1 item)"),
    ("Cart Viewed", {}, "looked at the cart"),
    ("Checkout Started", {"value": 1200, "currency": "JPY"}, "began checkout (1200 JPY)"),
    ("Checkout Step Viewed", {"step": 2}, "came to checkout step 2"),
    ("Checkout Step Completed", {"step": 2, "shipping_method": "DHL"}, "completed checkout step 2 (DHL)"),
    ("Payment Info Entered", {"payment_method": "card"}, "entered payment details (card)"),
    ("Payment Info Entered", {}, "entered payment details"),
    ("Order Completed", ORDER, "ordered #1001, 89.00 EUR"),
    ("Order Completed", {"order_id": 1001}, "ordered #1001"),
    ("Order Completed", {"total": "1e999999999"}, "placed an order"),
    ("Order Completed", {"order_id": "7", "total": 89.125, "currency": "EUR"}, "ordered #7, 89.125 EUR"),
    ("Order Completed", {"order_id": "7", "total": 89}, "ordered #7, 89.00"),
    ("Order Updated", {"order_id": "1001", "status": "packed"}, "order #1001 was updated: packed"),
    ("Order Refunded", {**ORDER, "refund_amount": 20}, "order #1001 was refunded, 20.00 EUR"),
    ("Order Cancelled", ORDER, "order #1001 was cancelled"),
    ("Order Shipped", ORDER, "order #1001 was shipped"),
    ("Order Delivered", {}, "order was delivered"),
    ("Coupon Entered", {"coupon_id": "SPRING"}, "entered the coupon SPRING"),
    (
        "Coupon Applied",
        {"coupon_name": "SPRING", "discount": 5, "currency": "EUR"},
        "used the coupon SPRING and saved 5.00 EUR",
    ),
    ("Coupon Denied", {"coupon": "SPRING", "reason": "expired"}, "was refused the coupon SPRING: expired"),
    ("Coupon Removed", {}, "removed the coupon"),
    ("Promotion Viewed", {"name": "Winter sale"}, "saw the promotion Winter sale"),
    ("Promotion Clicked", {"creative": "top banner"}, "clicked on the promotion top banner"),
    ("Product Added to Wishlist", BOOTS, "put Red boots on the wish list"),
    ("Product Removed from Wishlist", BOOTS, "took Red boots off the wish list"),
    ("Product Shared", {**BOOTS, "share_via": "mail"}, "shared Red boots by mail"),
    (
        "Product Reviewed",
        {**BOOTS, "rating": 4, "review_body": "Warm feet"},
        "reviewed Red boots, rating 4: “Warm feet”",
    ),
    ("Signed In", {"method": "Google"}, "logged in"),
    ("Signed Out", {}, "logged out"),
    ("Signed Up", {}, "made an account"),
    ("Email Delivered", {"email_subject": "Hello"}, "received the mail “Hello”"),
    ("Email Opened", {"campaign_name": "Spring"}, "opened the mail “Spring”"),
    ("Email Link Clicked", {}, "clicked a link in the mail"),
    ("Email Bounced", {"subject": "Hello"}, "the mail “Hello” could not be delivered"),
    ("Email Marked as Spam", {"subject": "Hello"}, "marked the mail “Hello” as spam"),
    ("Unsubscribed", {}, "unsubscribed from mailings"),
    ("Subscribed", {"topic": "news"}, "agreed to mailings about news"),
    ("Subscribed", {}, "agreed to mailings"),
    (
        "Segment Consent Preference Updated",
        {"text": "May we?", "version": "3"},
        "answered what may be remembered (asked by text 3)",
    ),
    ("Segment Consent Preference Updated", {}, "answered what may be remembered"),
    ("Product Updated", BOOTS, "the shop changed Red boots"),
    (
        "Feedback Requested",
        {"about": "delivery", "order_id": "7"},
        "was asked for feedback about the delivery of order #7",
    ),
    ("Feedback Requested", {}, "was asked for feedback"),
    (
        "Feedback Given",
        {"about": "product", "product_id": "17", "thumb": "up", "text": "Love them"},
        "gave a thumbs-up for the product 17: “Love them”",
    ),
    (
        "Feedback Given",
        {"about": "order", "order_id": "7", "thumb": "down", "reason": "late"},
        "gave a thumbs-down for order #7 (late)",
    ),
    ("Feedback Given", {"about": "service", "score": 9, "scale": 10}, "gave 9 of 10 for the service"),
    ("Feedback Given", {"thumb": False}, "gave a thumbs-down"),
    ("Feedback Given", {"about": "site", "text": "Slow"}, "gave feedback about the site: “Slow”"),
    (
        "Contact Logged",
        {"channel": "phone", "text": "Asks for a refund"},
        "was in contact with us by phone: “Asks for a refund”",
    ),
    ("Note Added", {"text": "Knows the owner"}, "a note was added: “Knows the owner”"),
    ("Follow-up Set", {"due": "2026-12-01"}, "a follow-up was set for 2026-12-01"),
    ("Quiz Taken", {"score": 7, "passed": True, "answers": [1, 2]}, "did “Quiz Taken” (score: 7, passed: yes)"),
    ("Quiz Taken", {}, "did “Quiz Taken”"),
    ("product viewed", {"name": "x"}, "did “product viewed” (name: x)"),
]
CONTRACT = """Product Viewed, Product Clicked, Product Added, Product Removed, Product List Viewed,
Product List Filtered,
Products Searched, Cart Viewed, Checkout Started, Checkout Step Viewed, Checkout Step Completed, Payment Info Entered,
Order Completed, Order Updated, Order Refunded, Order Cancelled, Order Shipped, Order Delivered, Coupon Entered,
Coupon Applied, Coupon Denied, Coupon Removed, Promotion Viewed, Promotion Clicked, Product Added to Wishlist,
Product Removed from Wishlist, Product Shared, Product Reviewed, Signed In, Signed Out, Signed Up, Email Delivered,
Email Opened, Email Link Clicked, Email Bounced, Email Marked as Spam, Unsubscribed, Product Updated,
Feedback Requested, Feedback Given, Contact Logged, Note Added, Follow-up Set, Subscribed,
Segment Consent Preference Updated"""


@pytest.mark.parametrize(("name", "properties", "sentence"), TOLD)
def test_a_tracked_event_reads_as_a_sentence(name: str, properties: dict[str, Any], sentence: str) -> None:
    assert tell("track", name, json.dumps(properties)) == sentence


@pytest.mark.parametrize(
    ("type", "name", "properties", "page", "sentence"),
    [
        ("page", "", {}, {"title": "Boots – Shop", "url": "https://x/boots"}, "opened the page Boots – Shop"),
        ("page", "Home", {}, {"url": "https://shop.example/"}, "opened the page Home"),
        ("page", "", {}, {"url": "https://shop.example/boots?x=1"}, "opened the page /boots"),
        ("page", "", {}, {"url": "http://[broken"}, "opened the page http://[broken"),
        ("page", "", {}, {}, "opened a page"),
        ("screen", "Cart", {}, {}, "opened the screen Cart"),
        ("identify", "", {"name": "Jane", "email": "jane@x", "phone": ""}, {}, "told who they are: name, email"),
        ("identify", "", dict.fromkeys("abcde", 1), {}, "told who they are: a, b, c and more"),
        ("identify", "", {}, {}, "told who they are"),
        ("alias", "", {}, {}, "was joined with a former id"),
        ("group", "", {"name": "Acme"}, {}, "joined the group Acme"),
        ("group", "", {}, {}, "joined a group"),
    ],
)
def test_calls_of_other_types_read_as_sentences(
    type: str, name: str, properties: dict[str, Any], page: dict[str, str], sentence: str
) -> None:
    assert tell(type, name, json.dumps(properties), **page) == sentence


def test_every_event_of_the_contract_has_a_sentence_of_its_own() -> None:
    names = set(CONTRACT.replace("\n", " ").split(", "))
    assert set(TRACKED) == names
    assert {name for name, _, _ in TOLD} >= names


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "{}", "{0.__class__}", "%s %(x)s", "\u202egnp.exe", "'\"&amp;\\", "{{ 7*7 }}"]
)
def test_what_visitors_sent_stays_as_it_came(text: str) -> None:
    assert tell("track", "Product Viewed", json.dumps({"name": text})) == f"viewed {text}"
    assert (
        tell("track", "Coupon Denied", json.dumps({"coupon": text, "reason": text}))
        == f"was refused the coupon {text}: {text}"
    )
    assert tell("track", "Order Completed", json.dumps({"order_id": text})) == f"ordered #{text}"
    assert tell("track", text) == f"did “{text}”"


def test_a_long_text_is_cut_and_says_so() -> None:
    sentence = tell("track", "Product Viewed", json.dumps({"name": "x" * 8_000}))
    assert len(sentence) == len("viewed ") + WORDS_MAX
    assert sentence.endswith("x…")


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (89, "EUR", "89.00 EUR"),
        ("89.9", "EUR", "89.90 EUR"),
        ("89.999", "EUR", "89.999 EUR"),
        ("89.000", "EUR", "89.00 EUR"),
        ("-5", "EUR", "-5.00 EUR"),
        (1200, "JPY", "1200 JPY"),
        ("1200.5", "JPY", "1200.5 JPY"),
        (1, "KWD", "1.000 KWD"),
        (1, "", "1.00"),
        ("", "EUR", None),
        ("NaN", "EUR", None),
        ("1e400", "EUR", None),
        (True, "EUR", None),
        ([1], "EUR", None),
    ],
)
def test_money_has_the_decimals_of_its_currency(amount: object, currency: str, text: str | None) -> None:
    assert money(amount, currency) == text


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
_NAMES = [
    "name",
    "products",
    "quantity",
    "total",
    "currency",
    "order_id",
    "filters",
    "sorts",
    "about",
    "thumb",
    "score",
]


@given(
    type=st.sampled_from(["track", "page", "screen", "identify", "alias", "group"]),
    name=st.sampled_from(sorted(TRACKED)) | st.text(),
    properties=st.dictionaries(st.sampled_from(_NAMES) | st.text(), _JSON),
)
def test_no_event_is_beyond_telling(type: str, name: str, properties: dict[str, Any]) -> None:
    assert tell(type, name, json.dumps(properties))


@pytest.mark.parametrize("number", ["1e999999999", "1e99999999999999999999", "-1e-99999999999999999999", "1" * 5_000])
def test_no_number_is_beyond_telling(number: str) -> None:
    assert tell("track", "Order Completed", f'{{"order_id":"7","total":{number}}}').startswith(("ordered #7", "placed"))
