"""SDKs that speak the wire already, with only their host changed: every event arrives once, and identify joins."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from conftest import Collector, Start, make_site
from segment.analytics.client import Client

SDK = Path(__file__).parent / "sdk"
EVENTS = 25


@pytest.fixture
def collector(start: Start) -> Collector:
    return start(make_site())


def joined(collector: Collector, key: str) -> tuple[list[str], int]:
    """The visitors of a customer, and the number of events."""
    profile = collector.ask(f"/api/customers/{key}")
    return [visitor["visitor"] for visitor in profile["visitors"]], profile["events"]


@pytest.mark.parametrize("gzip", [False, True])
def test_the_python_sdk_delivers_each_event_once(collector: Collector, gzip: bool) -> None:
    failures: list[Any] = []
    client = Client(
        "sk_shop", host=collector.url, on_error=lambda error, batch: failures.append(error), gzip=gzip, upload_size=7
    )
    for n in range(EVENTS):
        client.track(anonymous_id="py-visitor", event="Product Viewed", message_id=f"py-{n}")
    client.page(anonymous_id="py-visitor", name="Home", message_id="py-page")
    client.identify("py-user", anonymous_id="py-visitor", traits={"email": "py@x.example"}, message_id="py-identify")
    client.flush()
    client.join()
    assert not failures
    assert sorted(collector.stored()) == sorted([*(f"py-{n}" for n in range(EVENTS)), "py-page", "py-identify"])
    assert joined(collector, "py-user") == (["py-visitor"], EVENTS + 2)


def test_the_node_sdk_delivers_each_event_once(collector: Collector) -> None:
    command = ["node", "send.mjs", collector.url, "sk_shop", str(EVENTS)]
    done = subprocess.run(command, cwd=SDK, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    others = [f"node-{kind}" for kind in ("page", "screen", "group", "identify", "alias")]
    assert sorted(collector.stored()) == sorted([*(f"node-{n}" for n in range(EVENTS)), *others])
    assert joined(collector, "node-user") == (["node-visitor"], EVENTS + len(others))
