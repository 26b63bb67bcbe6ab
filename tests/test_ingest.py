"""The doors, from outside: every status, and what is on disk after each."""

from __future__ import annotations

import base64
import gzip
import json
import socket
import time
from typing import Any
from uuid import uuid4

import pytest
from conftest import Collector, Start, footfall, make_site

from collector.wire import PATHS

GRANTED = {"consent": {"categoryPreferences": {"Analytics": True}}}


def track(key: str | None = "wk_shop", **fields: Any) -> dict[str, Any]:
    message = {"type": "track", "event": "Tried", "anonymousId": "v1", "messageId": str(uuid4())} | fields
    return message | ({"writeKey": key} if key else {})


def basic(key: str) -> str:
    return "Basic " + base64.b64encode(f"{key}:".encode()).decode()


@pytest.mark.parametrize("path", sorted(PATHS))
def test_every_path_of_the_wire_stores_what_is_posted_to_it(collector: Collector, path: str) -> None:
    call = track(None, type=PATHS[path] or "track", userId="u1", previousId="u0")
    message = call if PATHS[path] else {"batch": [call]}
    # An alias joins two users only under the secret key, but is taken in under either.
    answer = collector.post(path, message | {"writeKey": "wk_shop"})
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert call["messageId"] in collector.stored()


@pytest.mark.parametrize(
    "authorization, body_key, wanted",
    [
        (basic("wk_shop"), None, 200),
        (basic("sk_shop"), None, 200),
        ("Bearer wk_shop", None, 200),
        (None, "wk_shop", 200),
        (None, "sk_shop", 200),
        (None, None, 401),
        (None, "wk_nobody", 401),
        (basic("wk_nobody"), None, 401),
        ("Basic ???", None, 401),
        ("Basic \xff", None, 401),
    ],
)
def test_the_key_may_come_three_ways_and_must_be_known(
    collector: Collector, authorization: str | None, body_key: str | None, wanted: int
) -> None:
    headers = {"authorization": authorization.encode("latin-1")} if authorization else {}
    answer = collector.client.post("/v1/track", content=json.dumps(track(body_key)), headers=headers)
    assert answer.status_code == wanted
    if wanted == 401:
        assert answer.json()["error"]["code"] == "unknown_key"


@pytest.mark.parametrize(
    "body, headers, code",
    [
        (b"", {}, "invalid_json"),
        (b"{", {}, "invalid_json"),
        (b"\xff\xfe", {}, "invalid_json"),
        (b"[]", {}, "not_an_object"),
        (b"1", {}, "not_an_object"),
        (b'{"writeKey":"wk_shop"}', {}, "no_batch"),
        (b'{"batch":[]}', {}, "empty_batch"),
        (b"[" * 400_000, {}, "too_deep"),
        (b"{}", {"content_encoding": "br"}, "unknown_encoding"),
        (b"{}", {"content_encoding": "gzip"}, "broken_gzip"),
        (gzip.compress(b"{}", mtime=0)[:-4], {"content_encoding": "gzip"}, "broken_gzip"),
    ],
    ids=range(11),
)
def test_a_body_that_is_no_call_is_400_with_a_stable_code(
    collector: Collector, body: bytes, headers: dict[str, str], code: str
) -> None:
    answer = collector.post("/v1/batch", body, **headers)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == code
    assert answer.json()["error"]["message"]


def test_gzip_is_inflated_and_a_content_type_is_not_looked_at(collector: Collector) -> None:
    call = track()
    squeezed = gzip.compress(json.dumps(call).encode())
    answer = collector.post(
        "/v1/track", squeezed, content_encoding="gzip", content_type="application/x-www-form-urlencoded"
    )
    assert answer.status_code == 200
    assert call["messageId"] in collector.stored()


def test_a_body_over_the_limit_is_413_and_not_kept(collector: Collector) -> None:
    before = collector.query("SELECT count(*) FROM events"), collector.query("SELECT count(*) FROM quarantine")
    large = json.dumps({"writeKey": "wk_shop", "batch": [track() for _ in range(5_000)]}).encode()
    for body, headers in (
        (large, {}),
        (gzip.compress(large, mtime=0), {"content_encoding": "gzip"}),
        (gzip.compress(b" " * 20_000_000, mtime=0), {"content_encoding": "gzip"}),
    ):
        answer = collector.post("/v1/batch", body, origin="https://shop.example", **headers)
        assert answer.status_code == 413
        assert answer.json()["error"]["code"] == "body_too_large"
        assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert before == (
        collector.query("SELECT count(*) FROM events"),
        collector.query("SELECT count(*) FROM quarantine"),
    )


def test_a_body_without_a_length_is_refused_as_soon_as_it_passes_the_limit(collector: Collector) -> None:
    port = int(collector.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        sock.sendall(b"POST /v1/batch HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        for _ in range(9):
            sock.sendall(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
        assert sock.recv(1_000).startswith(b"HTTP/1.1 413")


def test_good_items_are_stored_and_bad_ones_quarantined_with_their_reasons(collector: Collector) -> None:
    good, late = track(None), track(None, timestamp="2001-01-01T00:00:00Z")
    batch = [good, {"type": "dance"}, late, 17, track(None, userId="null"), track(None, properties={"x": "y" * 40_000})]
    answer = collector.post("/v1/batch", {"writeKey": "wk_shop", "batch": batch})
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert good["messageId"] in collector.stored()
    assert late["messageId"] not in collector.stored()
    reasons = [reason for (reason,) in collector.query("SELECT reason FROM quarantine ORDER BY id DESC LIMIT 5")]
    assert reasons[::-1] == ["unknown_type", "too_old", "malformed", "bad_user_id", "too_large"]


def test_verbose_under_the_secret_key_tells_what_became_of_each_item(collector: Collector) -> None:
    good = track(None)
    refusal = track(None, context={"consent": {"categoryPreferences": {"Analytics": False}}})
    batch = {"batch": [good, {"type": "dance"}, good, refusal]}
    answer = collector.post("/v1/batch?verbose=1", batch, authorization=basic("sk_shop")).json()
    assert [item["outcome"] for item in answer["items"]] == ["stored", "quarantined", "duplicate", "dropped"]
    assert answer["items"][0]["messageId"] == good["messageId"]
    assert answer["items"][1]["reason"] == "unknown_type"
    assert answer["items"][3]["reason"] == "consent"


def test_verbose_under_the_public_key_tells_nothing(collector: Collector) -> None:
    answer = collector.post("/v1/batch?verbose=1", {"writeKey": "wk_shop", "batch": [track(None)]})
    assert answer.json() == {"success": True}


def test_an_id_is_unique_by_site_and_kind_of_key(collector: Collector) -> None:
    call = track(None)
    for key in ("wk_shop", "wk_shop", "sk_shop", "sk_shop", "wk_bare"):
        assert collector.post("/v1/track", call | {"writeKey": key}).status_code == 200
    assert collector.stored().count(call["messageId"]) == 3


def test_an_opt_in_site_keeps_nothing_of_a_browser_call_without_consent(collector: Collector) -> None:
    before = collector.query("SELECT count(*) FROM events"), collector.query("SELECT count(*) FROM quarantine")
    counted = "SELECT coalesce(sum(n), 0) FROM counters WHERE what = 'dropped:consent'"
    [(dropped,)] = collector.query(counted)
    for message in (track("wk_strict"), {"writeKey": "wk_strict", "type": "track"}):
        assert collector.post("/v1/track", message).status_code == 200
    assert before == (
        collector.query("SELECT count(*) FROM events"),
        collector.query("SELECT count(*) FROM quarantine"),
    )
    assert collector.query(counted) == [(dropped + 2,)]


def test_an_opt_in_site_keeps_what_consent_allows_and_what_its_back_end_says(collector: Collector) -> None:
    granted, own = track("wk_strict", context=GRANTED), track("sk_strict")
    broken = {"writeKey": "wk_strict", "type": "track", "context": GRANTED}
    [(refused,)] = collector.query("SELECT count(*) FROM quarantine")
    for message in (granted, own, broken):
        assert collector.post("/v1/track", message).status_code == 200
    assert {granted["messageId"], own["messageId"]} <= set(collector.stored())
    assert collector.query("SELECT count(*) FROM quarantine") == [(refused + 1,)]


def test_a_bot_is_counted_and_shown_in_the_small_store_but_no_event(collector: Collector) -> None:
    call = track(context={"page": {"url": "https://shop.example/p"}})
    assert collector.post("/v1/track", call, user_agent="Googlebot/2.1").status_code == 200
    assert call["messageId"] not in collector.stored()
    assert ("Googlebot/2.1", "https://shop.example/p") in collector.query("SELECT user_agent, url FROM bots")


def test_other_methods_and_paths_are_refused_in_the_same_shape(collector: Collector) -> None:
    for method, path, status in (("GET", "/v1/track", 405), ("PUT", "/v1/b", 405), ("GET", "/nowhere", 404)):
        answer = collector.client.request(method, path)
        assert answer.status_code == status
        assert set(answer.json()["error"]) == {"code", "message"}


def test_the_browser_sdk_is_sent_back_to_this_host(collector: Collector) -> None:
    answer = collector.client.get("/v1/projects/wk_shop/settings", headers={"origin": "https://shop.example"})
    assert answer.json()["integrations"]["Segment.io"]["apiHost"] == collector.url.removeprefix("http://") + "/v1"
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    for key, status in (("sk_shop", 401), ("wk_nobody", 401)):
        assert collector.client.get(f"/v1/projects/{key}/settings").status_code == status


def test_a_site_added_while_the_collector_runs_is_known_within_a_moment(start: Start) -> None:
    collector = start(make_site())
    added = json.loads(footfall("site", "add", "late", "--json", db=collector.db).stdout)
    deadline_s = time.monotonic() + 5
    while (answer := collector.post("/v1/track", track(added["write_key"]))).status_code == 401:
        assert time.monotonic() < deadline_s
    assert answer.status_code == 200


def test_the_health_of_a_running_collector_is_told(collector: Collector) -> None:
    assert collector.post("/v1/track", track()).status_code == 200
    assert collector.client.get("/healthz").status_code == 200
    assert collector.client.get("/readyz").status_code == 200
    metrics = collector.client.get("/metrics").text
    for name in ("events_stored_total", "duplicates_total", "quarantined_total", "dropped_total", "commit_seconds_sum"):
        assert f"footfall_{name}" in metrics
