"""A stranger with the public key tries what may not be: each attempt is made for real, over HTTP, and fails."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from conftest import SHOP, make_site
from console import HOST, Console, a_console, read

from collector.event import ConsentMode, IdentityMode
from collector.store.sqlite.store import SqliteStore
from collector.web.openapi import document

EVIL = {"origin": "https://evil.example"}


class Shop:
    """The victim's shop: `browser` and `back_end` send calls, `evil` is the stranger's own client."""

    def __init__(self, console: Console) -> None:
        self.console, self._calls = console, 0

    def send(self, key: str, site: str, event: str, **call: Any) -> str:
        self._calls += 1
        kind = {} if event[:1].isupper() else {"type": event}
        id = str(call.pop("messageId", f"m{self._calls}"))
        whole = {"type": "track", "event": event, **kind, "messageId": id, "writeKey": f"{key}_{site}", **call}
        answer = self.console.stranger().post("/v1/batch", json={"writeKey": whole.pop("writeKey"), "batch": [whole]})
        assert answer.status_code == 200, answer.text
        return id

    def browser(self, event: str, site: str = "shop", **call: Any) -> str:
        return self.send("wk", site, event, **call)

    evil = browser

    def back_end(self, event: str, site: str = "shop", **call: Any) -> str:
        return self.send("sk", site, event, **call)

    def profile(self, key: str) -> dict[str, Any] | None:
        answer = self.console.client.get(f"/api/customers/{key}")
        return answer.json() if answer.status_code == 200 else None

    def ids(self, key: str) -> list[tuple[str, str]]:
        profile = self.profile(key)
        return [(each["value"], each["strength"]) for each in profile["ids"]] if profile else []

    def whose(self, visitor: str) -> list[str | None]:
        events = self.console.client.get(f"/api/customers/visitor:{visitor}/activity").json()["events"]
        return [event["customer"] for event in reversed(events)]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    store = SqliteStore.open(str(tmp_path / "footfall.db"))
    store.put_site(make_site())
    store.put_site(make_site("strict", identity=IdentityMode.SIGNED))
    store.put_site(make_site("asking", consent=ConsentMode.OPT_IN))
    with a_console(tmp_path, store) as console:
        yield Shop(console)


JANE = {"email": "jane@x.example"}


def order(id: str, **more: Any) -> dict[str, Any]:
    return {"properties": {"order_id": id, "total": 50, "currency": "EUR", **more}}


# Other people's addresses and histories -----------------------------------------------------------------------------


def test_an_address_is_not_taken_over_by_an_order(shop: Shop) -> None:
    shop.back_end("Order Completed", **order("1001", **JANE))
    shop.evil("Order Completed", anonymousId="evil", userId="evil", **order("1002", **JANE))
    assert shop.ids("evil") == [("evil", "browser")]
    jane = shop.profile("email:jane@x.example")
    assert jane is not None and jane["key"] == "email:jane@x.example" and jane["orders"]["count"] == 1


def test_an_address_that_the_back_end_gave_somebody_stays_theirs(shop: Shop) -> None:
    shop.evil("identify", anonymousId="evil", userId="evil", traits=JANE)
    shop.back_end("identify", userId="42", traits=JANE)
    assert [id for id, _ in shop.ids("email:jane@x.example")] == ["42", "jane@x.example"]
    assert shop.ids("evil") == [("evil", "browser")]


def test_a_guests_history_that_was_claimed_by_a_browser_is_shown_as_claimed_and_not_erased_with_the_claim(
    shop: Shop,
) -> None:
    shop.back_end("Order Completed", **order("1001", **JANE))
    shop.evil("identify", anonymousId="evil", userId="evil", traits=JANE)
    assert shop.ids("evil") == [("evil", "browser"), ("jane@x.example", "claimed")]
    page = shop.console.page("/console/")
    token = page.select_one("meta[name=csrf-token]")
    assert token is not None
    erased = shop.console.client.delete("/api/customers/evil", headers={"x-csrf-token": str(token["content"])})
    assert erased.status_code == 200, erased.text
    jane = shop.profile("email:jane@x.example")
    assert jane is not None and jane["orders"]["count"] == 1


def test_an_alias_under_the_public_key_moves_nobody(shop: Shop) -> None:
    shop.back_end("identify", userId="42", traits=JANE)
    shop.browser("page", anonymousId="guest")
    for previous in ("42", "guest", "jane@x.example"):
        shop.evil("alias", previousId=previous, userId="evil", anonymousId="evil")
        shop.evil("alias", previousId=previous, userId="evil")
    assert shop.ids("42") == [("42", "server"), ("jane@x.example", "server")]
    assert shop.whose("guest") == [None]


def test_a_call_cannot_claim_to_come_from_staff_or_from_elsewhere(shop: Shop) -> None:
    context = {"actor": "staff", "ip": "203.0.113.7", "userAgent": "Forged/1"}
    shop.evil("Note Added", userId="42", anonymousId="evil", properties={"text": "pays later"}, context=context)
    notes = shop.console.client.get("/api/customers/42/activity").json()["events"]
    assert [event["name"] for event in notes] == ["Note Added"]
    page = shop.console.page("/console/customers/42")
    assert "pays later" not in page.select_one("section[aria-labelledby=write]").text  # type: ignore[union-attr]
    rows = shop.console.client.get("/api/export/events?format=jsonl").text
    assert "203.0.113" not in rows


# Ids that are somebody else's to give -------------------------------------------------------------------------------


def test_a_message_id_cannot_be_occupied_before_the_back_end_uses_it(shop: Shop) -> None:
    shop.evil("Order Completed", anonymousId="evil", messageId="order-1001", **order("1001"))
    shop.back_end("Order Completed", messageId="order-1001", **order("1001", **JANE))
    jane = shop.profile("email:jane@x.example")
    assert jane is not None and (jane["orders"]["count"], jane["orders"]["unconfirmed"]) == (1, 0)


def test_a_message_that_is_kept_is_not_changed_by_a_second_one_of_its_id(shop: Shop) -> None:
    shop.browser("page", anonymousId="v", messageId="1", properties={"title": "true"})
    shop.evil("page", anonymousId="v", messageId="1", properties={"title": "false"})
    [event] = shop.console.client.get("/api/customers/visitor:v/activity").json()["events"]
    assert event["title"] == "true"


def test_an_order_number_cannot_be_occupied_nor_its_sums_forged(shop: Shop) -> None:
    shop.evil("Order Completed", anonymousId="evil", userId="evil", **order("1001", total=1, updated_at="2099-01-01"))
    shop.back_end("Order Completed", userId="42", **order("1001"))
    shop.evil("Order Updated", anonymousId="evil", userId="evil", **order("1001", total=0, updated_at="2099-01-01"))
    shop.evil("Order Refunded", anonymousId="evil", **order("1001", amount=50))
    shop.evil("Order Cancelled", anonymousId="evil", **order("1001"))
    jane = shop.profile("42")
    assert jane is not None and jane["orders"]["count"] == 1 and jane["orders"]["unconfirmed"] == 0
    assert [(each["gross"], each["unconfirmed"]) for each in jane["money"]] == [("50", "0")]


def test_who_guesses_an_order_number_is_no_more_than_what_a_browser_said(shop: Shop) -> None:
    """At worst the stranger's own browsing shows among Jane's devices, with a browser as its witness, until undone."""
    shop.evil("Checkout Step Viewed", anonymousId="evil", **order("1001"))
    shop.browser("Checkout Step Viewed", anonymousId="jane's", **order("1001"))
    shop.back_end("Order Completed", **order("1001", **JANE))
    jane = shop.profile("email:jane@x.example")
    assert jane is not None and {each["strength"] for each in jane["visitors"]} <= {"browser"}


def test_where_identity_is_signed_a_guessed_order_number_joins_nothing(shop: Shop) -> None:
    shop.evil("Order Completed", "strict", anonymousId="evil", **order("1001"))
    shop.evil("page", "strict", anonymousId="evil2", **order("1001"))
    shop.back_end("Order Completed", "strict", **order("1001", **JANE))
    jane = shop.profile("email:jane@x.example")
    assert jane is not None and jane["visitors"] == [] and jane["orders"]["count"] == 1
    assert shop.whose("evil") == [None]


# Signed identity ----------------------------------------------------------------------------------------------------


def signed(key: str = "ik_strict", algorithm: str | None = "HS256", **claims: Any) -> str:
    sound = {"sub": "42", "aud": "strict", "exp": int(time.time()) + 600}
    return jwt.encode({name: value for name, value in (sound | claims).items() if value is not None}, key, algorithm)


def test_a_token_that_the_back_end_signed_joins(shop: Shop) -> None:
    shop.browser("identify", "strict", anonymousId="v", userId="42", context={"identityToken": signed()})
    assert shop.whose("v") == ["42"]


@pytest.mark.parametrize(
    "token",
    [
        "",
        "not a token",
        signed("another key that is long enough"),
        signed(sub="43"),
        signed(aud="shop"),
        signed(exp=1),
        signed(exp=None),
        signed(nbf=int(time.time()) + 3_600),
        signed("", algorithm=None),
        signed(algorithm="HS512"),
        signed()[:-1],
        signed().rpartition(".")[0] + ".",
    ],
    ids=[
        *("none", "no token", "another key", "another's", "another site's", "expired", "without an end", "not yet"),
        *("unsigned", "another algorithm", "cut", "without its signature"),
    ],
)
def test_no_other_token_joins_anybody(shop: Shop, token: str) -> None:
    context = {"identityToken": token}
    shop.evil("identify", "strict", anonymousId="evil", userId="42", traits=JANE, context=context)
    shop.evil("Signed In", "strict", anonymousId="evil", userId="42", context=context)
    shop.evil("Order Completed", "strict", anonymousId="evil", userId="42", context=context, **order("1", **JANE))
    assert shop.whose("evil") == [None, None, None]
    assert shop.ids("email:jane@x.example") in ([], [("jane@x.example", "claimed")])


# Doors --------------------------------------------------------------------------------------------------------------


def test_the_visitors_cookie_is_not_ridden_from_another_origin(shop: Shop) -> None:
    """No path answers a foreign page that asks with credentials, and none reads a cookie into a call."""
    client = shop.console.stranger()
    client.cookies.set("footfall", "the visitor's id")
    for path in ("/v1/batch", "/v1/track", "/f.js", "/v1/projects/wk_shop/settings", "/api/customers"):
        for method in ("GET", "POST", "OPTIONS"):
            asked = {**EVIL, "access-control-request-method": "POST"}
            answer = client.request(method, path, headers=asked)
            assert "access-control-allow-credentials" not in answer.headers, path
            assert answer.headers.get("access-control-allow-origin") in (None, "*"), path
    call = {"writeKey": "wk_shop", "event": "Hello", "messageId": "no-visitor", "properties": {}}
    assert client.post("/v1/track", json=call, headers={"origin": SHOP}).status_code == 200
    [(reason,)] = [(r.reason.value,) for r in shop.console.store.quarantined(0, 9)]
    assert reason == "missing_id", "the cookie is no anonymousId"


def test_the_copy_of_the_cookie_is_told_to_no_other_origin(shop: Shop) -> None:
    id = "01234567-89ab-7000-8000-000000000000"
    asked = {"writeKey": "wk_shop", "anonymousId": id, "preferences": {"Analytics": True}, "new": True}
    for origin in ("https://evil.example", "null", f"{SHOP}.evil.example", ""):
        for path in ("/v1/visitor", "/v1/handover"):
            answer = shop.console.stranger().post(
                path, json=asked, headers={"origin": origin, "cookie": f"footfall_copy_x={id}"}
            )
            assert answer.status_code == 403 and id not in answer.text
            assert not {"access-control-allow-origin", "access-control-allow-credentials"} & set(answer.headers)


def test_a_page_of_another_origin_sends_nothing(shop: Shop) -> None:
    for origin in ("https://evil.example", "null", "https://shop.example.evil.example", "http://shop.example"):
        answer = shop.console.stranger().post(
            "/v1/track", json={"writeKey": "wk_shop", "event": "x", "anonymousId": "v"}, headers={"origin": origin}
        )
        assert answer.status_code == 403, origin


def test_no_answer_to_the_public_key_tells_what_is_stored(shop: Shop) -> None:
    shop.back_end("identify", userId="42", traits=JANE)
    for query in ("", "?verbose=1"):
        for id in ("42", "nobody"):
            body = {"writeKey": "wk_shop", "type": "identify", "userId": id, "anonymousId": "evil", "messageId": id}
            answer = shop.console.stranger().post(f"/v1/identify{query}", json=body)
            assert answer.json() == {"success": True}


def test_no_consent_is_forged_for_a_visitor_who_was_never_asked(shop: Shop) -> None:
    for consent in (None, {}, {"Analytics": "true"}, {"Analytics": 1}, {"analytics": True}, {"Marketing": True}):
        context = {} if consent is None else {"consent": {"categoryPreferences": consent}}
        shop.evil("page", "asking", anonymousId="v", context=context)
    assert shop.profile("visitor:v") is None


def test_no_address_leads_out_of_the_house(shop: Shop) -> None:
    client = shop.console.stranger()
    for path in ("//evil.example", "/console//evil.example", "/console/signin?next=//evil.example", "/\\evil.example"):
        location = client.get(path).headers.get("location", "")
        assert not location or location.startswith(("/console/", HOST)), (path, location)
    page = read(client.get("/console/signin?next=https://evil.example/"))
    assert "evil" not in str(page.main)
    assert not any("redirect" in path.lower() for path in document()["paths"])
