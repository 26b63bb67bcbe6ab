"""A shop's busy day in a file: a shared tablet, guests, refunds, an unlink, an erasure; hostile text throughout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from conftest import make_site

from collector.event import MINUTE_MS, Campaign, Event, Setup, Trust
from collector.store.sqlite.store import SqliteStore

# 2026-05-01T08:00:00.007Z, a Friday.
MORNING = 1_777_622_400_007
UUID = "0b1f5a2e-7c1d-4f5e-9a8b-1234567890ab"
HOSTILE = '=HYPERLINK("http://evil";"x")\r\n,\'\x1b[2J<b>|'


def call(id: str, name: str, minute: float = 0, **fields: Any) -> Event:
    """A call that happened `minute` minutes into the morning; a name without capital is a call type."""
    kind = name if name in ("page", "identify", "alias", "screen", "group") else "track"
    time = fields.pop("time", MORNING + int(minute * MINUTE_MS))
    properties = fields.pop("properties", None)
    fields = {"site": "shop", "trust": Trust.BROWSER, "received": time + 1_234} | fields
    return Event(
        id=id,
        type=kind,
        name="" if name == kind else name,
        time=time,
        properties=json.dumps(properties, separators=(",", ":")) if properties else "",
        **fields,
    )


def order(id: str, number: str, minute: float, **fields: Any) -> Event:
    lines = [{"product_id": "p1", "sku": "=1+1", "price": 10.25, "quantity": 2}, {"product_id": "p2", "price": 4.5}]
    told = {"order_id": number, "total": 25.00, "currency": "EUR", "tax": 4, "coupons": ["MAY"], "products": lines}
    return call(id, "Order Completed", minute, properties=told | fields.pop("told", {}), **fields)


def a_busy_day(path: Path) -> SqliteStore:
    """The file, everything derived."""
    store = SqliteStore.open(str(path))
    store.put_site(make_site(timezone="Europe/Paris"))
    store.put_site(make_site("outlet", ids="outlet"))
    server: dict[str, Any] = {"trust": Trust.SERVER}
    jane: dict[str, Any] = {"visitor": UUID}
    store.append(
        [
            call(
                "m1",
                "page",
                **jane,
                url="https://shop.example/?q=1",
                title=HOSTILE,
                referrer="https://search.example/",
                channel="search",
                campaign=Campaign(source="news", medium="email", name="may"),
                setup=Setup(device="mobile", browser="Firefox", os="Android", screen="390x844", locale="fr-FR"),
                network="203.0.113.0",
                consent="Analytics,Marketing",
            ),
            call("m2", "Segment Consent Preference Updated", 1, **jane, consent='Analytics,Mark"et\\ing'),
            call(UUID, "Product Viewed", 2, **jane, properties={"product_id": "p1", "name": HOSTILE}),
            call("m3", "identify", 3, **jane, user="42", email="jane@x", properties={"name": "Jane | Doe", "a": [1]}),
            order("m4", "1001", 4, **jane, user="42", network="2001:db8::"),
            call("m5", "Signed Out", 5, **jane),
            call("m6", "page", 50, **jane, network="2001:db8:a0::"),
            call("m7", "Order Refunded", 60, **server, properties={"order_id": "1001", "amount": 5.5}),
            order("m8", "1001", 4, **server, user="42"),
            order("m9", "G-1", 10, visitor="=guest", email="joe@x", told={"currency": "USD", "total": "7.5"}),
            call("m10", "Email Opened", 11, **server, email="joe@x"),
            call("m11", "page", 12, visitor="tablet", site="outlet"),
            call("m12", "Signed In", 12, visitor="tablet", site="outlet", user="7", space="outlet"),
            call("m13", "Signed In", 13, visitor="tablet", user="user@home", staff=False),
            call("m14", "Note Added", 14, visitor="tablet", **server, staff=True),
            call("m15", "alias", 20, **server, previous="41", user="42"),
            call("m16", "page", -20, **jane),
        ]
    )
    while store.follow():
        pass
    store.unlink("email:joe@x", "=guest", MORNING + 30 * MINUTE_MS)
    store.append(
        [
            call("m17", "page", 55, visitor="=guest"),
            call("m18", "group", 56, visitor=UUID),
            call("m19", "identify", 57, visitor="watch", user="gone"),
        ]
    )
    while store.follow():
        pass
    store.erase("gone", MORNING + 58 * MINUTE_MS)
    return store
