"""Every request in tests/golden, as a real SDK sent it, becomes exactly the calls that its file wants."""

from __future__ import annotations

import base64
import itertools
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from collector import wire
from collector.event import Call, Rejected

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.json"))


def body_of(request: dict[str, Any]) -> bytes:
    if "body_base64" in request:
        return base64.b64decode(request["body_base64"])
    return str(request["body"]).encode()


def wanted(result: dict[str, Any]) -> Call | Rejected:
    if "reason" in result:
        return msgspec.convert(result, Rejected)
    return msgspec.convert(result, Call)


def without_raw(result: Call | Rejected) -> Call | Rejected:
    return Rejected(result.reason, result.detail) if isinstance(result, Rejected) else result


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_recorded_request_becomes_the_calls_its_file_wants(path: Path) -> None:
    request = json.loads(path.read_text())
    headers = request["headers"]
    ids = (f"new-{place}" for place in itertools.count())
    body = wire.inflate(body_of(request), headers.get("content-encoding"))
    envelope = wire.open_envelope(body, wire.PATHS[request["path"]])
    assert wire.read_key(headers.get("authorization"), envelope.write_key) == request["key"]
    results = wire.read_calls(
        envelope, server=request["server"], received=request["received"], new_id=lambda: next(ids)
    )
    assert [without_raw(result) for result in results] == [wanted(result) for result in request["calls"]]


def test_there_are_recorded_requests_of_every_path_kind() -> None:
    assert len(GOLDEN) >= 16
