"""When the disk fails or too much waits: 503 with Retry-After, and never a 200 for what is not safe."""

from __future__ import annotations

import resource
import sys
from uuid import uuid4

import pytest
from conftest import SHOP, Start, make_site


def call() -> dict[str, object]:
    properties = {"filler": "x" * 4_000}
    return {"event": "Tried", "anonymousId": "v1", "messageId": str(uuid4()), "properties": properties}


def test_too_much_at_once_is_503_and_kept_nowhere(start: Start) -> None:
    collector = start(make_site(), flags=("--queue-events-max", "2"))
    batch = {"writeKey": "wk_shop", "batch": [call() for _ in range(3)]}
    answer = collector.post("/v1/batch", batch, origin=SHOP)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.headers["access-control-allow-origin"] == SHOP
    assert answer.json()["error"]["code"] == "unavailable"
    assert collector.stored() == []
    assert collector.post("/v1/track", call() | {"writeKey": "wk_shop"}).status_code == 200


@pytest.mark.skipif(sys.platform != "linux", reason="needs prlimit")
def test_a_disk_that_is_full_is_503_until_it_has_room_again_and_no_200_was_a_lie(start: Start) -> None:
    collector = start(make_site())
    acknowledged, refused = [], []

    def post() -> int:
        message = call() | {"writeKey": "wk_shop"}
        status = collector.post("/v1/track", message).status_code
        (acknowledged if status == 200 else refused).append(message["messageId"])
        return status

    _, hard = resource.prlimit(collector.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(collector.process.pid, resource.RLIMIT_FSIZE, (400_000, hard))
    statuses = {post() for _ in range(200)}
    assert statuses == {200, 503}
    assert collector.client.get("/readyz").status_code == 503
    assert collector.client.get("/healthz").status_code == 200

    resource.prlimit(collector.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
    assert post() == 200
    assert collector.client.get("/readyz").status_code == 200
    assert sorted(collector.stored()) == sorted(str(id) for id in acknowledged)
