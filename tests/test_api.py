"""The JSON API: who a customer is, what they have done, who may ask, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from conftest import Collector, Start, footfall, make_site
from reading import Reader, a_shop_that_is_read
from shop import HOSTILE, UUID

ERROR = {"code", "message"}


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    with a_shop_that_is_read(tmp_path_factory.mktemp("api") / "footfall.db") as one:
        yield one


@pytest.fixture(scope="module")
def reader(collector: Collector) -> Reader:
    return Reader(collector, "read")


def test_a_profile_says_who_and_by_which_evidence(reader: Reader) -> None:
    profile = reader.json("/api/customers/42")
    assert {name: profile[name] for name in ("key", "kind", "traits", "first_seen", "events")} == {
        "key": "42",
        "kind": "buyer",
        "traits": {"name": "Jane | Doe", "a": [1]},
        "first_seen": "2026-05-01T07:40:00.007Z",
        "events": 10,
    }
    assert {"kind": "user", "value": "42", "strength": "server"} in profile["ids"]
    assert {"kind": "email", "value": "jane@x", "strength": "claimed"} in profile["ids"]
    assert profile["visitors"] == [
        {
            "visitor": UUID,
            "customer": "42",
            "from": "2026-05-01T07:40:00.007Z",
            "to": "2026-05-01T08:50:00.007Z",
            "why": "identify",
            "strength": "browser",
            "evidence": "m3",
        }
    ]
    assert profile["orders"] == {
        "count": 1,
        "unconfirmed": 0,
        "first": "2026-05-01T08:04:00.007Z",
        "last": "2026-05-01T08:04:00.007Z",
    }
    assert profile["money"] == [
        {"currency": "EUR", "gross": "25.0", "refunded": "5.5", "net": "19.5", "unconfirmed": "0"}
    ]


def test_activity_comes_newest_first_and_pages_without_gap_or_overlap(reader: Reader) -> None:
    whole = reader.json("/api/customers/42/activity")
    assert whole["next"] is None
    assert [event["id"] for event in whole["events"]] == ["m7", "m15", "m5", "m8", "m4", "m3", UUID, "m2", "m1", "m16"]
    pages: list[Any] = []
    cursor = ""
    while True:
        page = reader.json("/api/customers/42/activity", limit=2, cursor=cursor)
        pages += page["events"]
        cursor = page["next"]
        if cursor is None:
            break
    assert pages == whole["events"]


def test_an_event_shows_everything_that_the_contract_names(reader: Reader) -> None:
    event = reader.json("/api/customers/42/activity", to="2026-05-01T08:00:30Z", limit=1)["events"][0]
    assert event == {
        "id": "m1",
        "seq": 1,
        "type": "page",
        "name": "",
        "time": "2026-05-01T08:00:00.007Z",
        "received": "2026-05-01T08:00:01.241Z",
        "site": "shop",
        "visitor": UUID,
        "visit": "m1",
        "customer": "42",
        "url": "https://shop.example/?q=1",
        "title": HOSTILE,
        "referrer": "https://search.example/",
        "channel": "search",
        "campaign": {"source": "news", "medium": "email", "name": "may"},
        "properties": {},
        "why": "identify",
    }


ASKED: list[tuple[dict[str, str], list[str]]] = [
    ({"event": "Product Viewed"}, [UUID]),
    ({"event": "page"}, ["m1", "m16"]),
    ({"event": "Nothing"}, []),
    ({"from": "2026-05-01T08:03:00.007Z", "to": "2026-05-01T08:04:00.007Z"}, ["m3"]),
    ({"from": "2026-05-01T10:05:00.007+02:00", "to": "2026-05-02"}, ["m7", "m15", "m5"]),
    ({"from": "2026-05-02"}, []),
]


@pytest.mark.parametrize(("query", "wanted"), ASKED)
def test_activity_can_be_narrowed_by_event_and_time(reader: Reader, query: dict[str, str], wanted: list[str]) -> None:
    assert [event["id"] for event in reader.json("/api/customers/42/activity", **query)["events"]] == wanted


def test_a_visitor_lists_all_its_events_with_whose_each_is(reader: Reader) -> None:
    events = reader.json(f"/api/customers/visitor:{UUID}/activity")["events"]
    assert [(event["id"], event["customer"]) for event in events][:3] == [("m18", None), ("m6", None), ("m5", "42")]
    assert reader.json(f"/api/customers/visitor:{UUID}")["kind"] == "visitor"


KEYS = [
    ("42", "42"),
    ("user:42", "42"),
    ("41", "42"),
    ("email:joe@x", "email:joe@x"),
    ("email: JOE@x", "email:joe@x"),
    ("user:user@home", "user:user@home"),
    ("user@outlet:7", "user@outlet:7"),
]


@pytest.mark.parametrize(("asked", "key"), KEYS)
def test_a_customer_is_found_by_every_form_of_a_key(reader: Reader, asked: str, key: str) -> None:
    assert reader.json(f"/api/customers/{quote(asked, safe='')}")["key"] == key


@pytest.mark.parametrize("key", ["a/b", "../../etc", "a/activity", "50%", "ü +&?#", "visitor:x/y", "email:a/b@x"])
def test_keys_with_slashes_and_other_signs_reach_the_store_whole(
    collector: Collector, reader: Reader, key: str
) -> None:
    plain = key.partition(":")[2] or key
    fields = {"email": plain} if key.startswith("email:") else {}
    call: dict[str, Any] = {"type": "identify", "traits": fields, "messageId": f"slash {key}", "anonymousId": "x/y"}
    if not fields:
        call["userId"] = plain
    collector.client.post("/v1/identify", json=call, auth=("sk_shop", "")).raise_for_status()
    assert reader.json(f"/api/customers/{quote(key, safe='')}")["key"] == key
    assert reader.json(f"/api/customers/{quote(key, safe='')}/activity")["events"]


def test_the_list_finds_by_name_address_id_and_order_number(reader: Reader) -> None:
    for q in ("jane", "JANE@X", "42", "1001"):
        assert "42" in [row["key"] for row in reader.json("/api/customers", q=q)["customers"]], q
    assert reader.json("/api/customers", q="nobody at all")["customers"] == []
    assert reader.json("/api/customers", q="%")["customers"] == [], "a wildcard is a sign like any other"


@pytest.mark.parametrize("sort", ["last_seen", "first_seen", "name", "orders"])
def test_the_list_pages_without_gap_or_overlap_in_every_order(reader: Reader, sort: str) -> None:
    whole = [row["key"] for row in reader.json("/api/customers", sort=sort)["customers"]]
    assert len(whole) == len(set(whole)) > 3
    keys: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = reader.json("/api/customers", sort=sort, limit=1, cursor=cursor)
        keys += [row["key"] for row in page["customers"]]
        cursor = page["next"]
    assert keys == whole


def test_an_acknowledged_event_shows_at_once(collector: Collector, reader: Reader) -> None:
    call = {"type": "track", "event": "Product Viewed", "messageId": "now", "userId": "77"}
    collector.client.post("/v1/track", json=call, auth=("sk_shop", "")).raise_for_status()
    assert [event["id"] for event in reader.json("/api/customers/77/activity")["events"]] == ["now"]


WITHOUT_SENSE = [
    ("/api/customers?limit=0", 400),
    ("/api/customers?limit=101", 400),
    ("/api/customers?limit=ten", 400),
    ("/api/customers?limit=%D9%A1", 400),
    ("/api/customers?sort=money", 400),
    ("/api/customers?cursor=zz", 400),
    ("/api/customers?cursor=" + b"[9999999999999999999999,1]".hex(), 400),
    ("/api/customers/42/activity?cursor=" + b'[-9999999999999999999999,"m",0]'.hex(), 400),
    ("/api/customers?q=" + "a" * 1001, 400),
    ("/api/customers/42/activity?cursor=7b7d", 400),
    ("/api/customers/42/activity?from=yesterday", 400),
    ("/api/customers/42/activity?from=2026-13-01", 400),
    ("/api/customers/42/activity?from=2026-05-02&to=2026-05-01", 400),
    ("/api/customers/nobody", 404),
    ("/api/customers/nobody/activity", 404),
    ("/api/customers/visitor:nobody", 404),
    ("/api/customers/%FF%00", 404),
    ("/api/customers/42/nothing", 404),
    ("/api/nothing", 404),
]


@pytest.mark.parametrize(("path", "status"), WITHOUT_SENSE)
def test_what_makes_no_sense_is_refused_in_the_one_shape(reader: Reader, path: str, status: int) -> None:
    answer = reader.get(path)
    assert (answer.status_code, set(answer.json()["error"])) == (status, ERROR)
    assert "\n" not in answer.json()["error"]["message"]


PROTECTED = [
    ("GET", "/api/customers", {"read", "admin"}),
    ("GET", "/api/customers/42", {"read", "admin"}),
    ("GET", "/api/customers/42/activity", {"read", "admin"}),
    ("GET", "/api/export/events", {"export", "admin"}),
    ("DELETE", "/api/customers/nobody", {"admin"}),
    ("DELETE", "/api/customers/nobody/visitors/v", {"admin"}),
    ("DELETE", "/api/customers/nobody/ids/i", {"admin"}),
]


@pytest.mark.parametrize(("method", "path", "allowed"), PROTECTED)
def test_everything_is_denied_but_to_those_with_the_scope(
    collector: Collector, method: str, path: str, allowed: set[str]
) -> None:
    for scope in ("", "unknown", "read", "export", "admin"):
        answer = (Reader(collector, scope).get if method == "GET" else Reader(collector, scope).delete)(path)
        if scope in allowed:
            assert answer.status_code in (200, 404), (scope, answer.text)
        else:
            assert answer.status_code == (403 if scope in ("read", "export") else 401), scope
            assert set(answer.json()["error"]) == ERROR


def test_answers_about_people_are_kept_by_no_cache(reader: Reader) -> None:
    assert reader.get("/api/customers/42").headers["cache-control"] == "no-store"


def test_staff_unlink_a_visitor_and_undo_a_link(tmp_path_factory: pytest.TempPathFactory) -> None:
    with a_shop_that_is_read(tmp_path_factory.mktemp("unlink") / "footfall.db") as one:
        admin = Reader(one, "admin")
        assert admin.delete(f"/api/customers/42/visitors/{UUID}").status_code == 204
        assert admin.json("/api/customers/42")["visitors"] == []
        assert admin.delete(f"/api/customers/42/visitors/{UUID}").status_code == 404
        assert "jane@x" in str(admin.json("/api/customers/42")["ids"])
        assert admin.delete("/api/customers/42/ids/email%3Ajane%40x").status_code == 204
        assert "jane@x" not in str(admin.json("/api/customers/42")["ids"])
        assert admin.delete("/api/customers/42/ids/email:nobody@x").status_code == 404


def test_erasure_leaves_nobody_to_find(tmp_path_factory: pytest.TempPathFactory) -> None:
    with a_shop_that_is_read(tmp_path_factory.mktemp("erase") / "footfall.db") as one:
        admin = Reader(one, "admin")
        receipt = admin.delete("/api/customers/42")
        assert receipt.status_code == 200, receipt.text
        assert admin.get("/api/customers/42").status_code == 404
        assert admin.delete("/api/customers/42").status_code == 404


def test_a_token_opens_at_once_after_the_command_has_made_it(start: Start) -> None:
    collector = start(make_site())
    for n in range(3):
        made = footfall("token", "create", f"desk{n}", "--scope", "read", "--json", db=collector.db)
        answer = collector.client.get(
            "/api/customers", headers={"authorization": f"Bearer {json.loads(made.stdout)['token']}"}
        )
        assert answer.status_code == 200, answer.text
    assert collector.client.get("/api/customers", headers={"authorization": "Bearer ft_no"}).status_code == 401
