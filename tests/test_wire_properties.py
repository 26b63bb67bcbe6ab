"""Universal rules of decoding: nothing but NotACall and BodyTooLarge is ever raised, and every item has one result."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from collector import wire
from collector.errors import BodyTooLarge, NotACall
from collector.event import Call, Rejected
from collector.moment import read_time

NOW = 1_700_000_000_000
PATHS = st.sampled_from([None, "track", "identify", "page", "screen", "group", "alias"])
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.characters(codec=None)
    | st.sampled_from(["null", "0", "2023-11-14T22:00:00Z", "\ud800", "\0", 10**400, 1e308])
)  # fmt: skip
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)
FIELDS = [
    "type", "event", "name", "anonymousId", "userId", "messageId", "timestamp", "originalTimestamp", "sentAt",
    "properties", "traits", "previousId", "groupId", "context", "batch", "writeKey",
]  # fmt: skip
CONTEXT_FIELDS = [
    "page", "campaign", "userAgent", "locale", "timezone", "screen", "library", "ip", "actor", "consent",
    "identityToken", "traits",
]  # fmt: skip
CONTEXTS = st.dictionaries(st.sampled_from(CONTEXT_FIELDS), JSON)
MESSAGES = st.dictionaries(st.sampled_from(FIELDS), JSON | CONTEXTS) | st.builds(
    lambda message, changes: message | changes,
    st.just({"type": "track", "event": "E", "anonymousId": "a", "timestamp": NOW, "properties": {"products": [{}]}}),
    st.dictionaries(st.sampled_from(FIELDS), JSON | CONTEXTS, max_size=2),
)
BODIES = (
    st.binary()
    | JSON.map(lambda value: json.dumps(value).encode())
    | MESSAGES.map(lambda message: json.dumps(message).encode())
    | st.builds(
        lambda items, around: json.dumps({"batch": items} | around).encode(),
        st.lists(MESSAGES | JSON),
        st.dictionaries(st.sampled_from(["context", "sentAt", "writeKey"]), JSON | CONTEXTS),
    )
)


def read(body: bytes, call_type: str | None, server: bool) -> list[Call | Rejected]:
    envelope = wire.open_envelope(wire.inflate(body, None), call_type)
    results = wire.read_calls(envelope, server=server, received=NOW, new_id=lambda: "new")
    assert len(results) == len(envelope.items)
    return results


def check(body: bytes, call_type: str | None, server: bool) -> None:
    """Whatever comes out can be stored: it is valid UTF-8, JSON again, its ids are real, its time is fixed."""
    try:
        results = read(body, call_type, server)
    except (NotACall, BodyTooLarge) as refused:
        assert str(refused)
        return
    for result in results:
        if isinstance(result, Rejected):
            assert result.raw.decode() and result.detail.encode()
            continue
        assert b"\\u0000" not in msgspec.json.encode(result).replace(b"\\\\", b"")
        assert result.id and result.visitor != "" and result.user != ""
        assert 0 < result.time <= NOW + len(results)
        assert "identityToken" not in result.context


@given(BODIES, PATHS, st.booleans())
def test_no_body_makes_the_wire_raise_anything_else(body: bytes, call_type: str | None, server: bool) -> None:
    check(body, call_type, server)


@given(MESSAGES, st.data(), PATHS, st.booleans())
def test_no_broken_byte_of_a_good_body_does_either(
    message: dict[str, Any], data: st.DataObject, call_type: str | None, server: bool
) -> None:
    body = bytearray(json.dumps({"batch": [message, message]} if call_type is None else message).encode())
    place = data.draw(st.integers(0, len(body) - 1))
    body[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    check(bytes(body), call_type, server)


@given(st.binary(), st.none() | st.text())
def test_inflating_any_bytes_is_total(body: bytes, encoding: str | None) -> None:
    try:
        wire.inflate(b"\x1f\x8b" + body, encoding)
    except (NotACall, BodyTooLarge):
        return


@given(st.none() | st.text(), st.none() | st.text())
def test_reading_a_key_is_total(authorization: str | None, body_key: str | None) -> None:
    for scheme in ("", "Basic ", "Bearer "):
        key = wire.read_key(scheme + (authorization or ""), body_key)
        assert key is None or key


@given(SCALARS)
def test_reading_a_time_is_total(value: Any) -> None:
    time = read_time(value)
    assert time is None or 0 < time <= 253_402_300_799_999


@given(MESSAGES, st.booleans())
def test_what_was_quarantined_is_refused_for_the_same_reason_when_replayed(
    message: dict[str, Any], server: bool
) -> None:
    message.pop("writeKey", None)
    (first,) = wire.read_calls(
        wire.Envelope(items=[json.dumps(message).encode()]), server=server, received=NOW, new_id=str
    )
    if isinstance(first, Rejected):
        (again,) = wire.read_calls(wire.Envelope(items=[first.raw]), server=server, received=NOW, new_id=str)
        assert isinstance(again, Rejected)
        assert again.reason is first.reason
