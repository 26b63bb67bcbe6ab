"""What a visitor allows decides whether a call is kept, and what of it."""

from __future__ import annotations

import pytest

from collector.enrich.arrival import Arrival
from collector.enrich.steps import enrich
from collector.event import Call, ConsentMode, Dropped, Event, IdentityMode, Site, Trust

YES, NO, OTHER, NONE = {"Analytics": True}, {"Analytics": False}, {"Advertising": True}, None
KEPT, REFUSED, NAMELESS = "kept", "refused", "nameless"


def site(consent: ConsentMode, **fields: object) -> Site:
    parts = {"name": "shop", "write_key": "w", "secret_key_hash": "", "identity_key": "k" * 32, **fields}
    return Site(consent=consent, **parts)  # type: ignore[arg-type]


def call(**fields: object) -> Call:
    return Call(**{"type": "page", "name": "", "id": "m1", "time": 1, "received": 1, "visitor": "v1", **fields})  # type: ignore[arg-type]


def arrival(consent: ConsentMode = ConsentMode.COOKIELESS, **fields: object) -> Arrival:
    parts = {"server": False, "address": "203.0.113.7", "user_agent": "Firefox/144", "salt": b"today", **fields}
    return Arrival(**{"site": site(consent), **parts})  # type: ignore[arg-type]


def kept(outcome: Event | Dropped) -> Event:
    assert isinstance(outcome, Event)
    return outcome


@pytest.mark.parametrize(
    ("mode", "preferences", "from_browser", "from_server"),
    [
        (ConsentMode.OPT_IN, YES, KEPT, KEPT),
        (ConsentMode.OPT_IN, NO, REFUSED, REFUSED),
        (ConsentMode.OPT_IN, OTHER, REFUSED, KEPT),
        (ConsentMode.OPT_IN, NONE, REFUSED, KEPT),
        (ConsentMode.COOKIELESS, YES, KEPT, KEPT),
        (ConsentMode.COOKIELESS, NO, REFUSED, REFUSED),
        (ConsentMode.COOKIELESS, OTHER, NAMELESS, KEPT),
        (ConsentMode.COOKIELESS, NONE, NAMELESS, KEPT),
        (ConsentMode.OPT_OUT, YES, KEPT, KEPT),
        (ConsentMode.OPT_OUT, NO, REFUSED, REFUSED),
        (ConsentMode.OPT_OUT, OTHER, KEPT, KEPT),
        (ConsentMode.OPT_OUT, NONE, KEPT, KEPT),
    ],
)
def test_the_mode_and_the_preferences_decide_what_is_kept(
    mode: ConsentMode, preferences: dict[str, bool] | None, from_browser: str, from_server: str
) -> None:
    def outcome(server: bool) -> str:
        event = enrich(call(consent=preferences), arrival(mode, server=server))
        if isinstance(event, Dropped):
            assert event is Dropped.CONSENT
            return REFUSED
        return KEPT if event.visitor == "v1" else NAMELESS

    assert outcome(server=False) == from_browser
    assert outcome(server=True) == from_server


def test_the_granted_categories_are_stored_sorted() -> None:
    preferences = {"Marketing": True, "Analytics": True, "Advertising": False}
    assert kept(enrich(call(consent=preferences), arrival(ConsentMode.OPT_IN))).consent == "Analytics,Marketing"


def test_a_nameless_visitor_is_the_same_all_day_and_another_elsewhere() -> None:
    def visitor(consent: ConsentMode = ConsentMode.COOKIELESS, **fields: object) -> str | None:
        return kept(enrich(call(), arrival(consent, **fields))).visitor

    first = visitor()
    assert first is not None and first.startswith("c-") and len(first) == 34
    assert visitor() == first
    others = {
        visitor(salt=b"tomorrow"),
        visitor(address="203.0.113.8"),
        visitor(user_agent="Firefox/145"),
        visitor(site=site(ConsentMode.COOKIELESS, name="other")),
        # the parts are told apart, not just strung together
        visitor(address="203.0.113.7F", user_agent="irefox/144"),
    }
    assert len(others) == 5 and first not in others


def test_nothing_personal_is_kept_of_a_nameless_visitor() -> None:
    calls = [
        call(type="identify", user="42", properties={"email": "jane@x", "name": "Jane"}),
        call(type="track", name="Signed In", user="42", properties={"email": "jane@x", "method": "form"}),
        call(type="alias", user="42", previous="v0", context={"traits": {"email": "jane@x"}}),
        call(type="group", user="42", properties={"employees": ["Jane"]}),
    ]
    events = [
        kept(enrich(each, arrival(site=site(ConsentMode.COOKIELESS, identity=IdentityMode.SIGNED)))) for each in calls
    ]
    for event in events:
        assert (event.user, event.email, event.previous, event.context) == (None, None, None, "")
        assert event.trust is Trust.BROWSER
        assert event.visitor != "v1"
    assert [event.properties for event in events] == ["", '{"method":"form"}', "", ""]


def test_a_product_keeps_its_name_when_the_visitor_is_nameless() -> None:
    viewed = call(type="track", name="Product Viewed", properties={"name": "Kettle", "price": 9.5})
    assert kept(enrich(viewed, arrival())).properties == '{"name":"Kettle","price":9.5}'


def test_a_cookieless_site_cannot_do_without_a_salt() -> None:
    with pytest.raises(ValueError, match="salt"):
        arrival(salt=b"")
    arrival(salt=b"", server=True)
    arrival(ConsentMode.OPT_IN, salt=b"")


def test_a_salt_of_any_length_will_do() -> None:
    assert kept(enrich(call(), arrival(salt=b"s" * 500))).visitor
