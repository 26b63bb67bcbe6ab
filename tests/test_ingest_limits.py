"""Who sends, and how fast: trusted proxies and the limit a second."""

from __future__ import annotations

from uuid import uuid4

import pytest
from conftest import Collector, Start, make_site
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import Misuse
from collector.ingest.client_address import Proxies
from collector.ingest.pace import Pace


def call(key: str) -> dict[str, str]:
    return {"writeKey": key, "event": "Tried", "anonymousId": "v1", "messageId": str(uuid4())}


@pytest.mark.parametrize(
    "trusted, peer, forwarded, client",
    [
        ((), "10.0.0.1", "1.2.3.4", "10.0.0.1"),
        (("10.0.0.0/8",), "10.0.0.1", "1.2.3.4", "1.2.3.4"),
        (("10.0.0.0/8",), "10.0.0.1", "6.6.6.6, 1.2.3.4", "1.2.3.4"),
        (("10.0.0.0/8",), "10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.2", "1.2.3.4"),
        (("10.0.0.0/8",), "9.9.9.9", "1.2.3.4", "9.9.9.9"),
        (("10.0.0.0/8",), "10.0.0.1", "1.2.3.4, junk", "10.0.0.1"),
        (("10.0.0.0/8",), "10.0.0.1", "", "10.0.0.1"),
        (("10.0.0.0/8",), "10.0.0.1", "10.0.0.3", "10.0.0.3"),
        (("10.0.0.0/8",), "10.0.0.1", "1.2.3.4:5678", "1.2.3.4"),
        (("10.0.0.0/8",), "::ffff:10.0.0.1", "1.2.3.4", "1.2.3.4"),
        (("::1",), "::1", "[2001:db8::1]:443", "2001:db8::1"),
        (("10.0.0.1",), "", "1.2.3.4", ""),
    ],
)
def test_only_what_trusted_proxies_say_of_the_client_is_believed(
    trusted: tuple[str, ...], peer: str, forwarded: str, client: str
) -> None:
    assert Proxies(trusted).client(peer, forwarded) == client


def test_a_proxy_must_be_an_address_or_a_network() -> None:
    with pytest.raises(Misuse):
        Proxies(["proxy.example"])


def test_a_burst_of_the_rate_may_pass_and_then_one_for_each_span() -> None:
    pace = Pace(2.0)
    assert [pace.wait_s("a", 100.0) for _ in range(3)] == [0, 0, 0.5]
    assert pace.wait_s("b", 100.0) == 0
    assert pace.wait_s("a", 100.4) == pytest.approx(0.1)
    assert pace.wait_s("a", 100.5) == 0
    assert pace.wait_s("a", 100.5) == pytest.approx(0.5)


def test_a_rate_below_one_still_lets_one_pass() -> None:
    pace = Pace(0.1)
    assert pace.wait_s("a", 0.0) == 0
    assert pace.wait_s("a", 5.0) == pytest.approx(5.0)
    assert pace.wait_s("a", 10.0) == 0


def test_no_rate_is_no_limit() -> None:
    assert not any(Pace(0.0).wait_s("a", 0.0) for _ in range(1_000))


@given(rate=st.floats(0.1, 50), steps=st.lists(st.floats(0, 1), max_size=200))
def test_never_more_than_a_burst_and_the_rate_pass_in_any_time(rate: float, steps: list[float]) -> None:
    pace, now_s, passed = Pace(rate), 0.0, 0
    for step in steps:
        now_s += step
        passed += pace.wait_s("a", now_s) == 0
    assert passed <= max(rate, 1) + rate * now_s + 0.001


def test_memory_is_bounded_and_the_silent_are_forgotten_first() -> None:
    pace = Pace(1.0, addresses_max=2)
    for address in ("a", "b", "a", "c"):
        pace.wait_s(address, 0.0)
    assert len(pace._full_at) == 2
    assert pace.wait_s("a", 0.0) > 0
    assert pace.wait_s("b", 0.0) == 0


def test_too_fast_is_429_with_retry_after_but_never_for_the_secret_key(start: Start) -> None:
    collector = start(make_site(), flags=("--rate-limit", "1"))
    answers = [collector.post("/v1/track", call("wk_shop"), origin="https://shop.example") for _ in range(5)]
    assert answers[0].status_code == 200
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert answers[-1].json()["error"]["code"] == "too_fast"
    assert answers[-1].headers["access-control-allow-origin"] == "https://shop.example"
    assert all(collector.post("/v1/track", call("sk_shop")).status_code == 200 for _ in range(20))


def test_behind_a_trusted_proxy_each_client_has_its_own_limit_and_network(start: Start) -> None:
    collector = start(make_site(), flags=("--rate-limit", "1", "--trusted-proxy", "127.0.0.0/8"))
    for client in ("203.0.113.7", "198.51.100.9"):
        assert collector.post("/v1/track", call("wk_shop"), x_forwarded_for=client).status_code == 200
    networks = {bytes(network).hex(".") for (network,) in collector.query("SELECT network FROM events")}
    assert networks == {"cb.00.71", "c6.33.64"}


def test_without_a_trusted_proxy_the_header_is_not_believed(collector: Collector) -> None:
    message = call("wk_shop")
    assert collector.post("/v1/track", message, x_forwarded_for="203.0.113.7").status_code == 200
    [(network,)] = collector.query("SELECT network FROM events ORDER BY seq DESC LIMIT 1")
    assert bytes(network).hex(".") == "7f.00.00"
