"""The way of a call through the steps, whole."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.enrich.arrival import Arrival
from collector.enrich.steps import STEPS, enrich
from collector.event import (
    CALL_TYPES,
    Call,
    Campaign,
    ConsentMode,
    Dropped,
    Event,
    IdentityMode,
    Setup,
    Site,
    Trust,
)

SITE = Site(
    name="shop",
    write_key="w",
    secret_key_hash="",
    identity_key="k" * 32,
    origins=("https://shop.example",),
    ids="main",
)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"
BOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def network_of(address: str, *, server: bool = False, ip: str | None = None) -> str:
    call = Call(type="page", name="", id="m1", time=1, received=1, consent={"Analytics": True}, ip=ip)
    event = enrich(call, Arrival(site=SITE, server=server, address=address, user_agent=""))
    assert isinstance(event, Event)
    return event.network


def test_a_call_becomes_an_event_with_all_that_was_found_out() -> None:
    call = Call(
        type="track",
        name="Order Completed",
        id="m1",
        time=1000,
        received=2000,
        visitor="v1",
        user="42",
        properties={"order_id": "1001", "total": 9.5, "email": "Jane@X", "note": "né"},
        url="https://shop.example/thanks?utm_source=spring&utm_medium=email",
        title="Thanks",
        referrer="https://shop.example/checkout",
        screen="390x844",
        locale="fr-FR",
        timezone="Europe/Paris",
        library="footfall.js",
        consent={"Analytics": True},
        context={"app": {"name": "shop"}},
    )
    assert enrich(call, Arrival(site=SITE, server=False, address="203.0.113.77", user_agent=FIREFOX)) == Event(
        site="shop",
        id="m1",
        trust=Trust.BROWSER,
        type="track",
        name="Order Completed",
        time=1000,
        received=2000,
        visitor="v1",
        user="42",
        email="jane@x",
        space="main",
        url="https://shop.example/thanks?utm_source=spring&utm_medium=email",
        title="Thanks",
        referrer="https://shop.example/checkout",
        channel="email",
        campaign=Campaign("spring", "email"),
        setup=Setup("desktop", "Firefox", "144", "Linux", "", "390x844", "fr-FR", "Europe/Paris", "footfall.js"),
        network="203.0.113.0",
        consent="Analytics",
        properties='{"order_id":"1001","total":9.5,"email":"Jane@X","note":"né"}',
        context='{"app":{"name":"shop"}}',
    )


def test_what_a_call_does_not_say_stays_empty() -> None:
    call = Call(type="page", name="", id="m1", time=1, received=1)
    event = enrich(call, Arrival(site=SITE, server=True, address="203.0.113.7", user_agent=FIREFOX))
    wanted = Event(site="shop", id="m1", trust=Trust.SERVER, type="page", name="", time=1, received=1, space="main")
    assert event == wanted


def test_the_first_step_that_drops_has_the_word() -> None:
    call = Call(type="page", name="", id="m1", time=1, received=1)
    assert enrich(call, Arrival(site=SITE, server=False, address="", user_agent=BOT)) is Dropped.BOT
    assert enrich(call, Arrival(site=SITE, server=False, address="", user_agent=FIREFOX)) is Dropped.CONSENT


def test_the_steps_have_names() -> None:
    assert [step.__name__ for step in STEPS] == [
        "drop_bot", "ask_consent", "drop_staff", "name_person", "judge_trust", "shorten_address", "describe_setup",
        "read_campaign", "choose_channel", "blur_addresses",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("203.0.113.77", "203.0.113.0"),
        (" 10.1.2.3 ", "10.1.2.0"),
        ("2001:db8:1234:5678::1", "2001:db8:1234::"),
        ("fe80::1%eth0", "fe80::"),
        ("::ffff:203.0.113.77", "203.0.113.0"),
        ("::1", "::"),
        ("", ""),
        ("unknown", ""),
        ("203.0.113.77:8080", ""),
        ("203.0.113.777", ""),
        ("٢.٢.٢.٢", ""),
    ],
)
def test_an_address_is_shortened_to_its_network(address: str, wanted: str) -> None:
    assert network_of(address) == wanted


def test_the_secret_keys_calls_name_the_address_themselves() -> None:
    assert network_of("198.51.100.9", server=True, ip="203.0.113.77") == "203.0.113.0"
    assert network_of("198.51.100.9", server=True) == ""
    assert network_of("198.51.100.9", server=False, ip="203.0.113.77") == "198.51.100.0"


# wire lets no lone surrogate through, nor could JSON in UTF-8 carry one.
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
ODD = st.one_of(
    TEXT,
    st.sampled_from(["https://[::1", "https://www.google.com/", "https://x/?utm_source=%", "a.b.c", "@", "::", BOT]),
    st.builds("https://{}/?utm_{}".format, TEXT, TEXT),
    st.builds("{}@{}".format, TEXT, TEXT),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | ODD,
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(ODD | st.just("email"), parts, max_size=3),
    max_leaves=5,
)
FIELDS = st.dictionaries(ODD | st.sampled_from(["email", "type", "staff"]), JSON, max_size=4)
MAYBE = st.none() | ODD

CALLS = st.builds(
    Call,
    type=st.sampled_from(sorted(CALL_TYPES)), name=ODD, id=ODD, time=st.integers(), received=st.integers(),
    visitor=MAYBE, user=MAYBE, previous=MAYBE, properties=FIELDS, url=MAYBE, title=MAYBE, referrer=MAYBE,
    campaign=st.dictionaries(ODD | st.sampled_from(["source", "medium", "name"]), ODD, max_size=3),
    user_agent=MAYBE, ip=MAYBE, actor=JSON, locale=MAYBE, timezone=MAYBE, screen=MAYBE, library=MAYBE,
    consent=st.none() | st.dictionaries(ODD | st.just("Analytics"), st.booleans(), max_size=3),
    token=MAYBE, context=FIELDS,
)  # fmt: skip


@st.composite
def arrivals(draw: st.DrawFn) -> Arrival:
    site = Site(
        name=draw(ODD),
        write_key="w",
        secret_key_hash="",
        identity_key=draw(ODD),
        origins=tuple(draw(st.lists(ODD, max_size=2))),
        consent=draw(st.sampled_from(ConsentMode)),
        identity=draw(st.sampled_from(IdentityMode)),
    )
    return Arrival(
        site=site,
        server=draw(st.booleans()),
        address=draw(ODD),
        user_agent=draw(ODD),
        salt=draw(st.binary(min_size=1, max_size=80)),
    )


@given(CALLS, arrivals())
def test_enriching_never_raises_and_says_the_same_twice(call: Call, arrival: Arrival) -> None:
    outcome: Any = enrich(call, arrival)
    assert isinstance(outcome, Event | Dropped)
    assert enrich(call, arrival) == outcome
