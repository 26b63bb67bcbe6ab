"""Which pages may send, and what they may read of the answers."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest
from conftest import SHOP, Collector, Start, make_site

from collector.errors import Misuse
from collector.ingest.origins import Origins, listed_origin


def call(key: str) -> dict[str, str]:
    return {"writeKey": key, "event": "Tried", "anonymousId": "v1", "messageId": str(uuid4())}


@pytest.mark.parametrize(
    "listed, origin, wanted",
    [
        ((), "http://localhost:3000", True),
        ((), "https://localhost", True),
        ((), "http://shop.localhost:8080", True),
        ((), "http://127.0.0.1:5173", True),
        ((), "http://[::1]:5173", True),
        ((), "https://shop.example", False),
        ((), "null", False),
        ((), "http://localhost.evil.example", False),
        ((), "http://127.0.0.1.evil.example", False),
        (("https://shop.example",), "https://shop.example", True),
        (("https://shop.example",), "https://shop.example:444", False),
        (("https://shop.example",), "http://shop.example", False),
        (("https://shop.example",), "https://www.shop.example", False),
        (("https://shop.example",), "https://shop.example.evil.example", False),
        (("https://shop.example",), "http://localhost:3000", False),
        (("https://shop.example",), "null", False),
        (("https://shop.example",), "", False),
        (("https://shop.example", "null"), "null", True),
        (("http://localhost",), "http://localhost:3000", True),
        (("http://localhost:3000",), "http://localhost:4000", True),
        (("http://localhost",), "https://localhost:3000", False),
        (("http://localhost",), "http://127.0.0.1:3000", False),
    ],
)
def test_an_origin_is_allowed_or_not(listed: tuple[str, ...], origin: str, wanted: bool) -> None:
    assert Origins(listed).allow(origin) is wanted


@pytest.mark.parametrize(
    "given, kept",
    [
        ("https://Shop.Example/", "https://shop.example"),
        ("https://shop.example:443", "https://shop.example"),
        ("http://[::1]:80", "http://[::1]"),
        ("null", "null"),
        ("shop.example", None),
        ("https://shop.example/path", None),
        ("https://user@shop.example", None),
        ("https://", None),
        ("https://shop.example:port", None),
        ("ftp://shop.example", None),
        ("*", None),
    ],
)
def test_an_origin_is_kept_as_browsers_spell_it_or_refused(given: str, kept: str | None) -> None:
    if kept is None:
        with pytest.raises(Misuse):
            listed_origin(given)
    else:
        assert listed_origin(given) == kept


@pytest.mark.parametrize(
    "key, origin, status, readable",
    [
        ("wk_shop", SHOP, 200, True),
        ("wk_shop", None, 200, False),
        ("wk_shop", "https://evil.example", 403, False),
        ("wk_shop", "null", 403, False),
        ("wk_bare", "http://localhost:3000", 200, True),
        ("wk_bare", SHOP, 403, False),
        ("wk_local", "http://localhost:3000", 200, True),
        ("wk_nobody", SHOP, 401, True),
        ("wk_nobody", "https://evil.example", 401, False),
        ("sk_shop", "https://evil.example", 200, False),
    ],
)
def test_an_answer_is_readable_by_allowed_pages_alone(
    collector: Collector, key: str, origin: str | None, status: int, readable: bool
) -> None:
    headers = {"origin": origin} if origin else {}
    answer = collector.client.post("/v1/track", content=json.dumps(call(key)), headers=headers)
    assert answer.status_code == status
    assert answer.headers["vary"] == "Origin"
    assert answer.headers.get("access-control-allow-origin") == (origin if readable else None)
    assert "access-control-allow-credentials" not in answer.headers


def test_what_a_page_of_a_foreign_origin_sends_is_not_kept(collector: Collector) -> None:
    message = call("wk_shop")
    assert collector.post("/v1/track", message, origin="https://evil.example").status_code == 403
    assert message["messageId"] not in collector.stored()


@pytest.mark.parametrize(
    "origin, status", [(SHOP, 204), ("http://localhost:3000", 204), ("https://evil.example", 403), ("null", 403)]
)
def test_a_preflight_tells_allowed_pages_what_they_may_send(collector: Collector, origin: str, status: int) -> None:
    headers = {"origin": origin, "access-control-request-method": "POST"}
    answer = collector.client.options("/v1/batch", headers=headers)
    assert answer.status_code == status
    assert answer.headers["vary"] == "Origin"
    if status == 204:
        assert answer.headers["access-control-allow-origin"] == origin
        assert "POST" in answer.headers["access-control-allow-methods"]
        assert "authorization" in answer.headers["access-control-allow-headers"]


def test_a_preflight_without_an_origin_is_refused(collector: Collector) -> None:
    assert collector.client.options("/v1/batch").status_code == 403


def test_an_origin_given_to_serve_counts_for_every_site(start: Start) -> None:
    collector = start(make_site(), make_site("bare", origins=()), flags=("--origin", "https://stage.example"))
    for key in ("wk_shop", "wk_bare"):
        assert collector.post("/v1/track", call(key), origin="https://stage.example").status_code == 200
    assert collector.post("/v1/track", call("wk_bare"), origin="http://localhost").status_code == 403
