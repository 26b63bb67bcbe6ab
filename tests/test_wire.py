"""The wire's rules one by one: bodies, keys, types, ids, times, context."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest

from collector import wire
from collector.errors import BodyTooLarge, NotACall
from collector.event import DAY_MS, Call, Reason, Rejected

NOW = 1_700_000_000_000
NOW_ISO = "2023-11-14T22:13:20Z"


def read(message: Any, *, server: bool = False, path: str = "/v1/track") -> Call | Rejected:
    envelope = wire.open_envelope(json.dumps(message).encode(), wire.PATHS[path])
    (result,) = wire.read_calls(envelope, server=server, received=NOW, new_id=lambda: "made-here")
    return result


def call(message: dict[str, Any], **how: Any) -> Call:
    result = read({"anonymousId": "a", "event": "E"} | message, **how)
    assert isinstance(result, Call), result
    return result


def reason(message: dict[str, Any], **how: Any) -> Reason:
    result = read({"anonymousId": "a", "event": "E"} | message, **how)
    assert isinstance(result, Rejected), result
    assert result.detail
    return result.reason


def refusal(body: bytes, path: str = "/v1/batch") -> str:
    with pytest.raises(NotACall) as refused:
        wire.open_envelope(body, wire.PATHS[path])
    return refused.value.code


def test_every_path_of_the_contract_is_known() -> None:
    named = {f"/v1/{name}" for name in ("batch", "import", "track", "identify", "page", "screen", "group", "alias")}
    known = named | {f"/v1/{letter}" for letter in "bmtipsga"}
    assert set(wire.PATHS) == known | {f"{path}/" for path in known}
    assert wire.PATHS["/v1/s"] == "screen"
    assert wire.PATHS["/v1/m"] is None


# --- bodies


def test_gzip_is_inflated_by_its_label_and_by_its_first_bytes() -> None:
    packed = gzip.compress(b"{}", mtime=0)
    assert wire.inflate(packed, "gzip") == wire.inflate(packed, None) == wire.inflate(b"{}", None) == b"{}"
    assert wire.inflate(packed + gzip.compress(b" ", mtime=0) + b"\0\0", "GZIP") == b"{} "


def test_a_body_may_be_just_the_limit_and_no_more_before_and_after_inflating() -> None:
    full = b" " * wire.BODY_BYTES_MAX
    assert wire.inflate(full, None) == wire.inflate(gzip.compress(full, mtime=0), "gzip") == full
    for body in (
        full + b" ",
        gzip.compress(full + b" ", mtime=0),
        gzip.compress(full, mtime=0) + gzip.compress(b" ", mtime=0),
    ):
        with pytest.raises(BodyTooLarge):
            wire.inflate(body, None)


def test_a_gzip_bomb_is_stopped_at_the_limit() -> None:
    with pytest.raises(BodyTooLarge):
        wire.inflate(gzip.compress(b"\0" * 100_000_000, mtime=0), "gzip")


@pytest.mark.parametrize(
    ("body", "encoding", "code"),
    [
        (gzip.compress(b"{}", mtime=0)[:-4], "gzip", "broken_gzip"),
        (b"\x1f\x8bnothing", None, "broken_gzip"),
        (b"{}", "gzip", "broken_gzip"),
        (gzip.compress(b"{}", mtime=0) + b"junk", "gzip", "broken_gzip"),
        (b"{}", "br", "unknown_encoding"),
    ],
)
def test_broken_or_unknown_compression_is_no_call(body: bytes, encoding: str | None, code: str) -> None:
    with pytest.raises(NotACall) as refused:
        wire.inflate(body, encoding)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid_json"),
        (b"not json", "invalid_json"),
        (b'{"batch": []} trailing', "invalid_json"),
        ('{"batch": []}'.encode("utf-16"), "invalid_json"),
        (b"[1]", "not_an_object"),
        (b'"text"', "not_an_object"),
        (b"{}", "no_batch"),
        (b'{"batch": {}}', "no_batch"),
        (b'{"batch": null}', "no_batch"),
        (b'{"batch": []}', "empty_batch"),
        (b'{"batch": ' + b"[" * 200_000, "too_deep"),
        (b'{"batch": ' + b"[" * 200_000 + b"]" * 200_000 + b"}", "too_deep"),
    ],
)
def test_a_body_that_is_no_call_is_refused_with_a_stable_code(body: bytes, code: str) -> None:
    assert refusal(body) == code


def test_a_single_call_that_is_not_utf_8_is_no_call() -> None:
    assert refusal(b'{"event": "\xff"}', "/v1/track") == "invalid_json"


def test_a_byte_order_mark_and_a_key_given_twice_do_no_harm() -> None:
    envelope = wire.open_envelope(b'\xef\xbb\xbf{"writeKey": "a", "writeKey": "b", "event": "E"}', "track")
    assert envelope.write_key == "b"


@pytest.mark.parametrize(
    "item",
    [
        b'{"x": NaN}',
        rb'{"x": "\ud83d"}',
        b'{"x": "\xff"}',
        b'{"x": 1e999}',
        b"7",
        b"null",
        b'{"x": %s}' % (b"9" * 5000),
    ],
    ids=["NaN", "half a surrogate pair", "not UTF-8", "a number beyond floats", "a number", "null", "5000 digits"],
)
def test_a_broken_item_harms_only_itself(item: bytes) -> None:
    good = '{"type":"track","event":"Ä","anonymousId":"a"}'.encode()
    envelope = wire.open_envelope(b'{"batch": [' + item + b"," + good + b"]}", None)
    broken, whole = wire.read_calls(envelope, server=False, received=NOW, new_id=str)
    assert isinstance(broken, Rejected)
    assert broken.reason is Reason.MALFORMED
    assert broken.raw.decode()
    assert isinstance(whole, Call)
    assert whole.name == "Ä"


def test_a_batch_lends_its_context_to_items_that_do_not_say_otherwise() -> None:
    message = {
        "batch": [{"type": "page", "anonymousId": "a", "context": {"locale": "de"}}],
        "context": {"locale": "en", "timezone": "Europe/Paris", "os": {"name": "iOS"}},
    }
    result = read(message, path="/v1/batch")
    assert isinstance(result, Call)
    assert (result.locale, result.timezone, result.context) == ("de", "Europe/Paris", {"os": {"name": "iOS"}})


def test_a_batch_context_that_is_no_object_is_the_fault_of_every_item() -> None:
    for context in (b"7", b"NaN", b'"\xff"'):
        body = b'{"batch": [{"type": "page", "anonymousId": "a"}], "context": ' + context + b"}"
        try:
            envelope = wire.open_envelope(body, None)
        except NotACall:
            continue
        (result,) = wire.read_calls(envelope, server=False, received=NOW, new_id=str)
        assert isinstance(result, Rejected)
        assert result.reason is Reason.MALFORMED


def test_one_context_cannot_be_multiplied_without_end() -> None:
    body = json.dumps({"batch": [{}] * 1000, "context": {"x": "y" * 8000}}).encode()
    with pytest.raises(BodyTooLarge):
        wire.open_envelope(body, None)


# --- keys


@pytest.mark.parametrize(
    ("authorization", "body_key", "key"),
    [
        ("Basic " + base64.b64encode(b"k1:secret").decode(), "k2", "k1"),
        ("basic " + base64.b64encode(b"k1").decode(), None, "k1"),
        ("Bearer k1", "k2", "k1"),
        ("Basic !!!", "k2", "k2"),
        ("Basic " + base64.b64encode(b"\xff:").decode(), "k2", "k2"),
        ("Basic " + base64.b64encode(b":").decode(), "k2", "k2"),
        ("Digest x", "k2", "k2"),
        ("", "k2", "k2"),
        (None, "k2", "k2"),
        (None, None, None),
        ("Bearer ", "", None),
        ("Basic é", None, None),
    ],
)
def test_the_key_is_taken_from_the_header_first(authorization: str | None, body_key: str | None, key: str) -> None:
    assert wire.read_key(authorization, body_key) == key


# --- types, names, ids


def test_the_path_says_the_type_of_a_single_call_and_the_item_that_of_a_batch() -> None:
    assert call({"type": "page"}, path="/v1/t").type == "track"
    assert reason({"batch": [{"type": "import", "userId": "1"}]}, path="/v1/batch") is Reason.UNKNOWN_TYPE
    assert reason({"batch": [{"userId": "1"}]}, path="/v1/batch") is Reason.UNKNOWN_TYPE
    assert reason({"batch": [{"userId": "1", "type": ["track"]}]}, path="/v1/batch") is Reason.UNKNOWN_TYPE


@pytest.mark.parametrize("event", [None, "", "  ", 7, ["x"]])
def test_a_track_call_without_an_event_name_is_refused(event: Any) -> None:
    assert reason({"event": event}) is Reason.MISSING_EVENT


def test_a_page_has_its_name_and_an_identify_none() -> None:
    assert call({"name": "Home"}, path="/v1/page").name == "Home"
    assert call({"name": 7}, path="/v1/page").name == ""
    assert call({"name": "Home", "userId": "1"}, path="/v1/identify").name == ""


@pytest.mark.parametrize("user", ["", " ", "null", "NULL", " undefined ", "0", 0, 0.0, "Guest", "anonymous"])
def test_a_user_id_that_names_nobody_is_refused(user: Any) -> None:
    assert reason({"userId": user}) is Reason.BAD_USER_ID
    assert reason({"previousId": user, "userId": "1"}, path="/v1/alias") is Reason.BAD_USER_ID


@pytest.mark.parametrize(("given", "user"), [("42", "42"), (" 42 ", " 42 "), (42, "42"), (42.0, "42"), (4.5, "4.5")])
def test_a_user_id_is_kept_as_given_and_a_number_becomes_its_text(given: Any, user: str) -> None:
    assert call({"userId": given}).user == user


@pytest.mark.parametrize("field", ["userId", "anonymousId", "messageId"])
@pytest.mark.parametrize("value", [True, {}, [], {"a": 1}])
def test_an_id_that_is_neither_text_nor_number_is_malformed(field: str, value: Any) -> None:
    assert reason({field: value}) is Reason.MALFORMED


@pytest.mark.parametrize("field", ["properties", "context"])
@pytest.mark.parametrize("value", ["text", 7, [1], True])
def test_properties_and_context_must_be_objects(field: str, value: Any) -> None:
    assert reason({field: value}) is Reason.MALFORMED


def test_null_and_an_empty_list_stand_for_an_empty_object() -> None:
    assert call({"properties": None, "context": []}).properties == {}


def test_a_browser_call_names_somebody_and_a_server_call_somebody_or_something() -> None:
    nobody: dict[str, Any] = {"anonymousId": ""}
    assert reason(nobody) is Reason.MISSING_ID
    assert reason(nobody | {"properties": {"order_id": "1"}}) is Reason.MISSING_ID
    assert reason(nobody, server=True) is Reason.MISSING_ID
    for properties in ({"order_id": "1"}, {"email": "j@x"}, {"product_id": 7}, {"sku": "s"}):
        assert call(nobody | {"properties": properties}, server=True).visitor is None
    assert call(nobody | {"traits": {"email": "j@x"}}, server=True, path="/v1/identify").user is None
    assert call(nobody | {"context": {"traits": {"email": "j@x"}}}, server=True).user is None
    assert call(nobody | {"groupId": "g"}, server=True, path="/v1/group").properties == {"group_id": "g"}


def test_an_alias_needs_both_ends() -> None:
    assert reason({"userId": "1"}, path="/v1/alias") is Reason.MISSING_ID
    assert reason({"previousId": "1"}, path="/v1/alias") is Reason.MISSING_ID
    assert call({"previousId": "b", "userId": "1"}, path="/v1/alias").previous == "b"


def test_a_message_without_id_gets_a_new_one() -> None:
    assert call({}).id == call({"messageId": ""}).id == call({"messageId": None}).id == "made-here"
    assert call({"messageId": 7}).id == "7"


def test_identify_takes_its_traits_from_the_context_where_it_has_none() -> None:
    told = call({"userId": "1", "context": {"traits": {"email": "j@x"}}}, path="/v1/identify")
    assert (told.properties, told.context) == ({"email": "j@x"}, {})
    assert call({"traits": {"a": 1}, "context": {"traits": {"b": 1}}}, path="/v1/identify").properties == {"a": 1}


# --- time


@pytest.mark.parametrize(
    ("timestamp", "sent_at", "time"),
    [
        (None, None, NOW),
        ("2023-11-14T22:00:00Z", None, NOW - 800_000),
        ("2023-11-14T22:00:00Z", NOW_ISO, NOW - 800_000),
        ("2023-11-14T22:00:00Z", "2023-11-14T22:14:20Z", NOW - 800_000),
        ("2023-11-14T22:00:00Z", "2023-11-14T22:14:20.001Z", NOW - 860_001),
        ("2023-11-14T22:00:00Z", "2023-11-14T22:12:20Z", NOW - 800_000),
        ("2023-11-14T22:00:00Z", "2023-11-14T22:00:10Z", NOW - 10_000),
        ("2023-11-15T22:00:00Z", "2023-11-15T22:00:10Z", NOW - 10_000),
        ("2023-11-14T22:00:00Z", "rubbish", NOW - 800_000),
        ("2023-11-14T22:00:10Z", "2023-11-14T22:00:00Z", NOW),
        ("2033-11-14T22:00:00Z", None, NOW),
        ("2023-11-14T23:00:00.123999+01:00", None, NOW - 799_877),
        ("2023-11-14T22:00:00", None, NOW - 800_000),
        ("2023-11-14t22:00:00.5z", None, NOW - 799_500),
        ("2023-11-14", None, NOW - 80_000_000),
        (NOW - 5, None, NOW - 5),
        (NOW // 1000 - 5, None, NOW - 5000),
        (NOW / 1000 - 0.25, None, NOW - 250),
        (str(NOW - 5), None, NOW - 5),
    ],
)
def test_the_event_time_follows_the_contract(timestamp: Any, sent_at: Any, time: int) -> None:
    assert call({"timestamp": timestamp, "sentAt": sent_at}).time == time


@pytest.mark.parametrize(
    "timestamp",
    [
        "yesterday",
        "2023-13-01",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59-12:00",
        1e300,
        -5,
        0,
        10**17,
        True,
        {},
        "0",
    ],
)
def test_a_timestamp_that_is_no_time_is_refused(timestamp: Any) -> None:
    assert reason({"timestamp": timestamp}, server=True) is Reason.BAD_TIMESTAMP


def test_the_original_timestamp_stands_in_and_the_batch_says_when_it_was_sent() -> None:
    assert call({"originalTimestamp": "2023-11-14T22:00:00Z"}).time == NOW - 800_000
    item = {"type": "page", "anonymousId": "a", "timestamp": "2023-11-14T20:00:00Z"}
    result = read({"batch": [item], "sentAt": "2023-11-14T20:00:01Z"}, path="/v1/batch")
    assert isinstance(result, Call)
    assert result.time == NOW - 1000


def test_calls_without_a_timestamp_keep_their_order() -> None:
    body = json.dumps({"batch": [{"type": "page", "anonymousId": "a"}] * 3}).encode()
    results = wire.read_calls(wire.open_envelope(body, None), server=False, received=NOW, new_id=str)
    assert [result.time for result in results if isinstance(result, Call)] == [NOW, NOW + 1, NOW + 2]


def test_only_the_back_end_may_speak_of_more_than_a_week_ago() -> None:
    assert call({"timestamp": NOW - 7 * DAY_MS}).time == NOW - 7 * DAY_MS
    assert reason({"timestamp": NOW - 7 * DAY_MS - 1}) is Reason.TOO_OLD
    assert call({"timestamp": "1999-01-01"}, server=True).time == 915_148_800_000


# --- context


def test_what_has_a_name_leaves_the_context_and_the_token_always_does() -> None:
    context = {
        "page": {"url": "https://x/", "title": "T", "referrer": "https://r/"},
        "campaign": {"source": "s", "name": "n", "id": 7, "term": None},
        "userAgent": "UA", "ip": "203.0.113.7", "actor": {"type": "staff"}, "locale": "en", "timezone": "UTC",
        "screen": {"width": 10, "height": 20.0}, "library": {"name": "l", "version": "1"},
        "consent": {"categoryPreferences": {"Analytics": True, "Other": "yes"}}, "identityToken": "t", "os": {},
    }  # fmt: skip
    told = call({"context": context})
    assert told.context == {"os": {}}
    assert (told.url, told.title, told.referrer) == ("https://x/", "T", "https://r/")
    assert told.campaign == {"source": "s", "name": "n", "id": "7"}
    assert (told.user_agent, told.ip, told.actor) == ("UA", "203.0.113.7", {"type": "staff"})
    assert (told.locale, told.timezone, told.screen, told.library) == ("en", "UTC", "10x20", "l/1")
    assert (told.consent, told.token) == ({"Analytics": True}, "t")


@pytest.mark.parametrize("said", [False, 0, 0.0, "false", " False ", "0", "no", "denied"])
def test_a_refusal_counts_however_it_is_spelled(said: Any) -> None:
    told = call({"context": {"consent": {"categoryPreferences": {"Analytics": said}}}})
    assert told.consent == {"Analytics": False}


@pytest.mark.parametrize("said", [None, 1, "true", "yes", "granted", "", [], {}])
def test_only_true_grants(said: Any) -> None:
    assert call({"context": {"consent": {"categoryPreferences": {"Analytics": said}}}}).consent == {}


def test_context_fields_of_the_wrong_shape_count_as_not_said() -> None:
    fields = ("page", "campaign", "userAgent", "ip", "locale", "timezone", "screen", "library", "consent")
    told = call({"context": dict.fromkeys((*fields, "identityToken"), 7)})
    assert told == call({})


def test_a_page_call_may_say_where_it_is_in_its_properties() -> None:
    properties = {"url": "https://x/", "title": "T", "referrer": "r"}
    told = call({"properties": properties}, path="/v1/page")
    assert (told.url, told.title, told.referrer) == ("https://x/", "T", "r")
    assert call({"properties": properties}).url is None


# --- quarantine


def test_what_goes_to_quarantine_stands_alone_and_holds_no_key() -> None:
    single = read({"writeKey": "secret", "event": "", "sentAt": "s"}, path="/v1/t")
    assert isinstance(single, Rejected)
    assert json.loads(single.raw) == {"event": "", "sentAt": "s", "type": "track"}
    item = {"type": "track", "context": {"locale": "de"}}
    batched = read({"batch": [item], "sentAt": NOW_ISO, "context": {"locale": "en", "os": 1}}, path="/v1/batch")
    assert isinstance(batched, Rejected)
    assert json.loads(batched.raw) == {"type": "track", "sentAt": NOW, "context": {"locale": "de", "os": 1}}


def test_even_an_unreadable_call_goes_to_quarantine_without_its_key() -> None:
    body = b'{"event": "E", "n": %s, "writeKey": "secret"}' % (b"9" * 5000)
    envelope = wire.open_envelope(body, "track")
    (result,) = wire.read_calls(envelope, server=True, received=NOW, new_id=str)
    assert isinstance(result, Rejected)
    assert b"secret" not in result.raw


def test_the_browser_sdk_is_told_to_post_here_and_report_to_nobody() -> None:
    settings = wire.browser_settings("k", "shop.example:8000", "https")
    assert settings["integrations"]["Segment.io"]["apiHost"] == "shop.example:8000/v1"
    assert settings["integrations"]["Segment.io"]["apiKey"] == "k"
    assert settings["metrics"]["sampleRate"] == 0


def test_messages_made_here_become_calls_like_any_other() -> None:
    envelope = wire.envelope_of([{"type": "identify", "userId": "1", "traits": {"email": "j@x"}, "messageId": "m"}])
    (result,) = wire.read_calls(envelope, server=True, received=NOW, new_id=str)
    assert isinstance(result, Call)
    assert (result.user, result.id) == ("1", "m")
