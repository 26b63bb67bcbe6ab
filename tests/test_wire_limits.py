"""The limits of one call: what just fits is taken whole, one more is refused whole."""

from __future__ import annotations

import json
from typing import Any

import pytest

from collector import wire
from collector.event import Call, Reason, Rejected

KB = 1024


def read(message: dict[str, Any], server: bool = False) -> Call | Rejected:
    body = json.dumps({"type": "track", "event": "E", "anonymousId": "a"} | message).encode()
    (result,) = wire.read_calls(wire.open_envelope(body, "track"), server=server, received=10**12, new_id=str)
    return result


def nested(levels: int) -> Any:
    return 1 if levels == 0 else {"x": nested(levels - 1)} if levels % 2 else [nested(levels - 1)]


def sized(size: int) -> dict[str, Any]:
    """A message whose body is exactly `size` bytes of JSON, made of strings that are small enough."""
    body = {"type": "track", "event": "E", "anonymousId": "a", "properties": {"s": [""]}}
    free = size - len(json.dumps(body))
    strings = ["x" * 1000] * (free // 1004)
    body["properties"] = {"s": [*strings, ""]}
    short = size - len(json.dumps(body))
    body["properties"] = {"s": [*strings, "x" * short]}
    assert len(json.dumps(body)) == size
    return body


NUMBERED = {f"p{n}": n for n in range(64)}
CASES = [
    ({"properties": NUMBERED}, {"properties": NUMBERED | {"one": "more"}}, "TOO_MANY_PROPERTIES"),
    ({"properties": {"products": [{}] * 500}}, {"properties": {"products": [{}] * 501}}, "TOO_MANY_PRODUCTS"),
    ({"properties": {"s": "x" * 8 * KB}}, {"properties": {"s": "x" * (8 * KB + 1)}}, "STRING_TOO_LONG"),
    ({"properties": {"s": "é" * 4 * KB}}, {"properties": {"s": "é" * (4 * KB + 1)}}, "STRING_TOO_LONG"),
    ({"properties": {"x" * 8 * KB: 1}}, {"properties": {"x" * (8 * KB + 1): 1}}, "STRING_TOO_LONG"),
    ({"anonymousId": "x" * 8 * KB}, {"anonymousId": "x" * (8 * KB + 1)}, "STRING_TOO_LONG"),
    ({"properties": {"x": nested(6)}}, {"properties": {"x": nested(7)}}, "TOO_DEEP"),
    ({"anything": nested(7)}, {"anything": nested(8)}, "TOO_DEEP"),
    ({"anything": nested(7)}, {"anything": nested(300)}, "TOO_DEEP"),
    ({"properties": {"n": 2**64 - 1}}, {"properties": {"n": 2**64}}, "MALFORMED"),
    ({"properties": {"n": -(2**63)}}, {"properties": {"n": -(2**63) - 1}}, "MALFORMED"),
    ({"properties": {"s": "\\u0000"}}, {"properties": {"s": "\0"}}, "MALFORMED"),
    ({"properties": {"s": "\x01"}}, {"properties": {"\0": "s"}}, "MALFORMED"),
    ({"anonymousId": "a"}, {"anonymousId": "a\0"}, "MALFORMED"),
    (sized(32 * KB), sized(32 * KB + 1), "TOO_LARGE"),
]  # fmt: skip


@pytest.mark.parametrize(("fits", "over", "reason"), CASES, ids=[f"{n}-{case[2]}" for n, case in enumerate(CASES)])
def test_what_just_fits_is_kept_whole_and_one_more_is_refused(
    fits: dict[str, Any], over: dict[str, Any], reason: str
) -> None:
    kept = read(fits)
    assert isinstance(kept, Call), kept
    assert kept.properties == fits.get("properties", {})
    refused = read(over)
    assert isinstance(refused, Rejected)
    assert refused.reason is Reason[reason]
    assert json.loads(refused.raw) == {"type": "track", "event": "E", "anonymousId": "a"} | over


def test_the_back_end_may_send_larger_calls() -> None:
    assert isinstance(read(sized(256 * KB), server=True), Call)
    refused = read(sized(256 * KB + 1), server=True)
    assert isinstance(refused, Rejected)
    assert refused.reason is Reason.TOO_LARGE


def test_a_product_line_has_a_limit_of_its_own() -> None:
    def line(size: int) -> dict[str, Any]:
        parts = {f"p{n}": "x" * 1000 for n in range(7)}
        used = len(json.dumps(parts | {"last": ""}, separators=(",", ":")))
        return parts | {"last": "x" * (size - used)}

    assert isinstance(read({"properties": {"products": [line(8 * KB)]}}), Call)
    refused = read({"properties": {"products": [{}, line(8 * KB + 1)]}})
    assert isinstance(refused, Rejected)
    assert refused.reason is Reason.PRODUCT_TOO_LARGE


def test_a_usual_order_is_comfortably_inside_the_depth() -> None:
    line = {"product_id": "1", "options": [{"name": "size", "values": [{"v": 1}]}]}
    message = {
        "properties": {"products": [line]},
        "context": {"consent": {"categoryPreferences": {"Analytics": True}}},
    }
    assert isinstance(read(message), Call)


def test_a_batch_context_counts_towards_each_call() -> None:
    item = {"type": "page", "anonymousId": "a", "properties": {"s": ["x" * 8000] * 2}}
    for filler, fits in ((1, True), (3, False)):
        body = json.dumps({"batch": [item], "context": {"s": ["x" * 8000] * filler}}).encode()
        (result,) = wire.read_calls(wire.open_envelope(body, None), server=False, received=10**12, new_id=str)
        assert isinstance(result, Call) is fits
    long = json.dumps({"batch": [{"type": "page", "anonymousId": "a"}], "context": {"s": "x" * 9000}}).encode()
    (result,) = wire.read_calls(wire.open_envelope(long, None), server=False, received=10**12, new_id=str)
    assert isinstance(result, Rejected)
    assert result.reason is Reason.STRING_TOO_LONG
