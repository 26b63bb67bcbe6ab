"""The collector's copy of the visitor's cookie, and hand-overs, as HTTP: to whom it answers, and for how long."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
import pytest
from conftest import SHOP, Collector, make_site

from collector.ingest.handover import LIFE_MS, WAITING_MAX, HandedOver, Handovers

DAY_MS = 86_400_000
YES, NO = {"Analytics": True}, {"Analytics": False}


def an_id(age_ms: int = 0, last: str = "0") -> str:
    """An id that was made so long ago."""
    digits = f"{time.time_ns() // 1_000_000 - age_ms:012x}"
    return f"{digits[:8]}-{digits[8:]}-7000-8000-00000000000{last}"


def ask(collector: Collector, path: str, origin: str | None = SHOP, cookie: str = "", **said: Any) -> httpx.Response:
    headers = {"origin": origin} if origin else {}
    headers |= {"cookie": cookie} if cookie else {}
    body = json.dumps({"writeKey": "wk_shop"} | said)
    return httpx.post(collector.url + path, content=body, headers=headers)


def copied(answer: httpx.Response) -> str:
    """The cookie as a browser sends it back."""
    return answer.headers["set-cookie"].partition(";")[0]


def test_the_copy_is_a_cookie_that_no_script_sees_on_a_path_of_its_own(collector: Collector) -> None:
    id = an_id(95 * DAY_MS)
    answer = ask(collector, "/v1/visitor", anonymousId=id, preferences=YES)
    assert answer.json() == {"anonymousId": id}
    assert answer.headers["access-control-allow-origin"] == SHOP
    assert answer.headers["access-control-allow-credentials"] == "true"
    pair, *attributes = answer.headers["set-cookie"].split("; ")
    assert pair.startswith("footfall_copy_") and pair.endswith("=" + id)
    assert {"HttpOnly", "SameSite=lax", "Secure", "Path=/v1/visitor"} <= set(attributes)
    (age,) = [int(one.removeprefix("Max-Age=")) for one in attributes if one.startswith("Max-Age=")]
    assert 299 * 86_400 < age <= 300 * 86_400, "13 months from the id's making"


def test_a_new_visitor_is_told_who_they_were_and_a_known_one_replaces_the_copy(collector: Collector) -> None:
    former, fresh = an_id(DAY_MS), an_id()
    cookie = copied(ask(collector, "/v1/visitor", anonymousId=former, preferences=YES))
    again = ask(collector, "/v1/visitor", cookie=cookie, anonymousId=fresh, preferences=YES, new=True)
    assert again.json() == {"anonymousId": former}
    assert "set-cookie" not in again.headers
    changed = ask(collector, "/v1/visitor", cookie=cookie, anonymousId=fresh, preferences=YES)
    assert copied(changed).endswith(fresh)


@pytest.mark.parametrize("cookie", ["footfall_copy_x=1", "garbage", ""])
def test_without_a_copy_that_is_good_the_new_id_is_kept(collector: Collector, cookie: str) -> None:
    id = an_id()
    answer = ask(collector, "/v1/visitor", cookie=cookie, anonymousId=id, preferences=YES, new=True)
    assert answer.json() == {"anonymousId": id} and copied(answer).endswith(id)


def test_a_refusal_takes_the_copy_away_and_reads_nothing_back(collector: Collector) -> None:
    cookie = copied(ask(collector, "/v1/visitor", anonymousId=an_id(), preferences=YES))
    answer = ask(collector, "/v1/visitor", cookie=cookie, preferences=NO, anonymousId=an_id(), new=True)
    assert answer.json() == {"anonymousId": None}
    assert "Max-Age=0" in answer.headers["set-cookie"]
    strict = {"writeKey": "wk_strict", "anonymousId": an_id(), "new": True}
    assert ask(collector, "/v1/visitor", cookie=cookie, **strict).json() == {"anonymousId": None}, "no answer is no yes"


@pytest.mark.parametrize(
    ("said", "origin", "status"),
    [
        ({}, "https://other.example", 403),
        ({}, None, 403),
        ({}, "null", 403),
        ({"writeKey": "wk_bare"}, "http://localhost:1", 403),  # allowed to send calls, but nobody has listed it
        ({"writeKey": "nothing"}, SHOP, 401),
        ({"anonymousId": "hello"}, SHOP, 400),
        ({"anonymousId": an_id(400 * DAY_MS)}, SHOP, 400),
        ({"anonymousId": an_id(-3 * DAY_MS)}, SHOP, 400),
        ({"anonymousId": 7}, SHOP, 400),
        ({"filler": "x" * 5_000}, SHOP, 413),
    ],
)
@pytest.mark.parametrize("path", ["/v1/visitor", "/v1/handover"])
def test_anybody_else_is_turned_away(
    collector: Collector, path: str, said: dict[str, Any], origin: str | None, status: int
) -> None:
    answer = ask(collector, path, origin, **({"anonymousId": an_id(), "preferences": YES} | said))
    assert answer.status_code == status
    assert "set-cookie" not in answer.headers
    assert "access-control-allow-credentials" not in answer.headers


def test_no_other_path_answers_requests_with_cookies_to_another_origin(collector: Collector) -> None:
    call = {"writeKey": "wk_shop", "event": "Tried", "anonymousId": "a"}
    for path, message in (("/v1/track", call), ("/v1/handover", {"writeKey": "wk_shop", "anonymousId": an_id()})):
        answer = collector.post(path, message, origin=SHOP, cookie="footfall_copy_x=1")
        assert answer.status_code == 200
        assert "access-control-allow-credentials" not in answer.headers


def test_the_copy_never_supplies_a_calls_visitor(collector: Collector) -> None:
    id = an_id()
    cookie = copied(ask(collector, "/v1/visitor", anonymousId=id, preferences=YES))
    for message in ({"event": "Hers", "anonymousId": id}, {"event": "Nobody's"}):
        collector.post("/v1/track", {"writeKey": "wk_shop"} | message, origin=SHOP, cookie=cookie)
    activity = collector.ask(f"/api/customers/visitor:{id}/activity")
    assert [event["name"] for event in activity["events"]] == ["Hers"]


def test_a_token_hands_a_visitor_over_once(collector: Collector) -> None:
    id = an_id()
    token = ask(collector, "/v1/handover", anonymousId=id, preferences=YES).json()["token"]
    assert id not in token
    told = ask(collector, "/v1/handover", token=token)
    assert told.json() == {"anonymousId": id, "preferences": YES}
    assert ask(collector, "/v1/handover", token=token).json() == {"anonymousId": None}
    assert ask(collector, "/v1/handover", anonymousId=id, preferences=NO).json() == {"token": None}


def test_a_token_is_bound_to_its_site_signed_and_lives_for_seconds() -> None:
    one, other = make_site(), make_site("other")
    whom = HandedOver(an_id(), YES)
    handovers = Handovers()
    token = handovers.give(one, whom, 1_000)
    nonce, until, signature = token.split(".")
    forged = [f"{nonce}.{int(until) + 1}.{signature}", f"{nonce}.{until}.{signature[:-1]}", f"x.{until}.{signature}"]
    for wrong in [*forged, "", "..", "a.b.c", f"{nonce}.²1.{signature}", f"\ud800.{until}.{signature}"]:
        assert handovers.redeem(one, wrong, 1_001) is None, wrong
    assert handovers.redeem(other, token, 1_001) is None
    assert handovers.redeem(one, token, 1_000 + LIFE_MS - 1) == whom
    late = handovers.give(one, whom, 2_000)
    assert handovers.redeem(one, late, 2_000 + LIFE_MS) is None
    assert not handovers._waiting, "what was not redeemed leaves no trace"


def test_those_under_way_are_bounded() -> None:
    handovers, site = Handovers(), make_site()
    tokens = [handovers.give(site, HandedOver(f"v{n}", YES), 1_000) for n in range(WAITING_MAX + 1)]
    assert len(handovers._waiting) == WAITING_MAX
    assert handovers.redeem(site, tokens[0], 1_000) is None
    assert handovers.redeem(site, tokens[-1], 1_000) == HandedOver(f"v{WAITING_MAX}", YES)
