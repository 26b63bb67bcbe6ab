"""Strings that hurt whoever takes them for more than text, and calls that carry each in every field there is."""

from __future__ import annotations

from typing import Any

SCRIPTS = (
    "<script>window.pwned=1</script>",
    '"><img src=x onerror=window.pwned=2>',
    "'-(window.pwned=3)-'",
    "</title></textarea></code><svg onload=window.pwned=4>",
    "javascript:window.pwned=5",
    "jAvAsCrIpT\t:window.pwned=6//https://x.example",
    "data:text/html,<script>opener.pwned=7</script>",
    "{{ constructor.constructor('window.pwned=8')() }}{% print 7 * 7 %}",
    "<iframe srcdoc='<script>parent.pwned=9</script>'>",
    '<base href="//evil.example/"><style>*{display:none}</style>',
    '<meta http-equiv="refresh" content="0;url=//evil.example/">',
    "]]>--><!--<plaintext>",
    "//evil.example/a.js",
    "https://shop.example/?a=%22%3E%3Cscript%3Ewindow.pwned=10%3C/script%3E",
)
FORMULAS = (
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(1)",
    "\t=1+1",
    "\r=1+1",
    '=HYPERLINK("http://evil.example")',
    "=cmd|' /C x'!A0",
)
TERMINAL = (
    "\x1b[2J\x1b[31mred",
    "\x1b]0;title\x07",
    "\x9b2J",
    "\x1b]8;;http://evil.example\x1b\\x",
    "a\rb\x08\x7f",
    "a\nFAIL\n",
)
SQL = ("'; DROP TABLE events; --", '" OR 1=1 --', "%' OR '1'='1", "x\\", "_%")
PATHS = ("../../etc/passwd", "..%2f..%2fusers", "C:\\windows\\x", "/console/users?x=1#y")
TURNING = ("\u202eevil\u202c", "\u2066x", "\u200f\u200eabc", "\ufeff\u200b")
CORPUS = SCRIPTS + FORMULAS + TERMINAL + SQL + PATHS + TURNING

TRACKS = (
    *("Product Viewed", "Product Added", "Coupon Entered", "Coupon Applied", "Coupon Denied", "Products Searched"),
    *(
        "Promotion Viewed",
        "Promotion Clicked",
        "Payment Info Entered",
        "Checkout Step Completed",
        "Product List Viewed",
    ),
    *("Feedback Given", "Order Refunded", "Email Link Clicked", "Signed In", "Note Added", "Contact Logged"),
)


def properties(text: str) -> dict[str, Any]:
    """Every property that a screen shows, and one whose name is the text."""
    line = dict.fromkeys(("product_id", "variant_id", "sku", "name", "variant", "brand", "category", "url"), text)
    fields = ("order_id", "coupon", "query", "affiliation", "sold_via", "payment_method", "shipping_method", "reason")
    more = ("promotion_id", "text", "about", "channel", "email", "product_id", "name", "list_id", "creative", "step")
    return {
        **dict.fromkeys((*fields, *more), text),
        "total": 5,
        "price": 5,
        "quantity": 1,
        "currency": "EUR",
        "score": 1,
        "scale": 5,
        "products": [{**line, "price": 5, "quantity": 1}],
        "coupons": [text],
        text: {text: [text]},
    }


def context(text: str) -> dict[str, Any]:
    """All that is said beside a call."""
    return {
        "page": {"url": text, "title": text, "referrer": text},
        "campaign": dict.fromkeys(("source", "medium", "name", "term", "content"), text),
        "userAgent": text,
        "locale": text,
        "timezone": text,
        "library": {"name": text, "version": text},
        "consent": {"categoryPreferences": {"Analytics": True, text: True}},
        text: text,
    }


def calls(text: str, number: int) -> list[dict[str, Any]]:
    """Under the secret key: what `victim` did, and somebody whose very ids are the text."""
    beside, shown = context(text), properties(text)
    named = [{"userId": "victim", "anonymousId": "victim's"}, {"userId": text, "anonymousId": text}]
    traits = {"name": text, "phone": text, "address": {"city": text}, text: text}
    made: list[dict[str, Any]] = []
    for who in named:
        order = {**who, "type": "track", "event": "Order Completed", "properties": shown, "context": beside}
        made += [
            {**who, "type": "identify", "traits": traits, "context": beside},
            {**who, "type": "page", "name": text, "properties": shown, "context": beside},
            {**who, "type": "track", "event": text, "properties": shown, "context": beside},
            order,
        ]
    made += [{**named[0], "type": "track", "event": event, "properties": shown} for event in TRACKS]
    made += [
        {"type": text, **named[0]},
        {"type": "track", "event": "", "userId": text},
        {"type": "track", "event": text},
    ]
    return [{**call, "messageId": f"{text}{number}/{n}"} for n, call in enumerate(made)]
