"""Whom a call names, and how far it is believed."""

from __future__ import annotations

import base64
import hmac
import unicodedata
import warnings
from typing import Any

import jwt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from collector.enrich.arrival import Arrival
from collector.enrich.email_address import normalise_email
from collector.enrich.steps import enrich
from collector.event import Call, ConsentMode, Event, IdentityMode, Site, Trust

KEY = "an identity key of the shop, long enough"
RECEIVED = 1_700_000_000_000
NOW_S = RECEIVED // 1000


def site(**fields: object) -> Site:
    parts = {"name": "shop", "write_key": "w", "secret_key_hash": "", "identity_key": KEY, **fields}
    return Site(consent=ConsentMode.OPT_OUT, **parts)  # type: ignore[arg-type]


def enriched(server: bool = False, at: Site | None = None, **fields: object) -> Event:
    parts = {"type": "identify", "name": "", "id": "m1", "time": 1, "received": RECEIVED, "visitor": "v1", **fields}
    event = enrich(Call(**parts), Arrival(site=at or site(), server=server, address="", user_agent=""))  # type: ignore[arg-type]
    assert isinstance(event, Event)
    return event


def token(key: str = KEY, algorithm: str | None = "HS256", **claims: object) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = {"sub": "42", "aud": "shop", "exp": NOW_S + 60, **claims}
        return jwt.encode({k: v for k, v in wanted.items() if v is not None}, key, algorithm=algorithm)


def test_the_secret_key_is_trusted_most_whatever_the_call_carries() -> None:
    assert enriched(server=True, user="42", token="nonsense").trust is Trust.SERVER


@pytest.mark.parametrize("mode", IdentityMode)
def test_a_good_token_for_the_named_user_signs_the_call(mode: IdentityMode) -> None:
    assert enriched(at=site(identity=mode), user="42", token=token()).trust is Trust.SIGNED
    assert enriched(at=site(identity=mode), user="42", token=token(aud=["other", "shop"])).trust is Trust.SIGNED
    assert enriched(at=site(identity=mode), user="42", token=token(nbf=NOW_S + 1)).trust is Trust.SIGNED


BAD_TOKENS = {
    "no token": None,
    "empty": "",
    "nonsense": "a.b.c",
    "of another user": token(sub="43"),
    "of nearly that user": token(sub="042"),
    "for another site": token(aud="other"),
    "signed by another key": token(key=KEY + "x"),
    "unsigned": token(algorithm="none", key=""),
    "signed by another method": token(algorithm="HS512"),
    "over": token(exp=NOW_S),
    "without an end": token(exp=None),
    "without a user": token(sub=None),
    "without a site": token(aud=None),
    "with an end that is no time": token(exp="tomorrow"),
    "with an endless end": token(exp=float("inf")),
    "with an end that is true": token(exp=True),
    "not begun": token(nbf=NOW_S + 3600),
}


@pytest.mark.parametrize("name", BAD_TOKENS)
def test_any_other_token_signs_nothing(name: str) -> None:
    assert enriched(user="42", token=BAD_TOKENS[name]).trust is Trust.BROWSER
    assert enriched(at=site(identity=IdentityMode.SIGNED), user="42", token=BAD_TOKENS[name]).trust is Trust.CLAIMED


def test_a_token_is_judged_at_receipt_not_by_the_wall_clock() -> None:
    old = token(exp=NOW_S + 60, iat=NOW_S)
    assert enriched(user="42", token=old, received=RECEIVED + 59_999).trust is Trust.SIGNED
    assert enriched(user="42", token=old, received=RECEIVED + 60_000).trust is Trust.BROWSER
    future = token(exp=NOW_S * 3, iat=NOW_S * 2, nbf=NOW_S * 2)
    assert enriched(user="42", token=future, received=RECEIVED * 2).trust is Trust.SIGNED


def test_without_an_identity_key_nothing_is_signed() -> None:
    # PyJWT itself will not sign with an empty key, an attacker would.
    signed = token().rpartition(".")[0]
    signature = hmac.digest(b"", signed.encode(), "sha256")
    forged = f"{signed}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"
    assert enriched(at=site(identity_key=""), user="42", token=forged).trust is Trust.BROWSER


def test_a_token_of_nested_brackets_is_only_a_bad_token() -> None:
    nested = base64.urlsafe_b64encode(b"[" * 5000).decode().rstrip("=")
    assert enriched(user="42", token=f"{nested}.{nested}.{nested}").trust is Trust.BROWSER
    assert enriched(user="42", token=f"e30.é.{nested}").trust is Trust.BROWSER


def test_on_a_signed_site_only_a_call_that_names_a_person_is_a_claim() -> None:
    strict = site(identity=IdentityMode.SIGNED)
    assert enriched(at=strict, user="42").trust is Trust.CLAIMED
    assert enriched(at=strict, properties={"email": "jane@x"}).trust is Trust.CLAIMED
    assert enriched(at=strict, type="page").trust is Trust.BROWSER
    assert enriched(at=strict, server=True, user="42").trust is Trust.SERVER


def test_ids_are_kept_as_they_came_with_their_space() -> None:
    event = enriched(at=site(ids="b2b"), type="alias", user="A 42", previous="v0")
    assert (event.user, event.space, event.previous, event.visitor) == ("A 42", "b2b", "v0", "v1")
    assert enriched(type="identify", previous="v0").previous is None


@pytest.mark.parametrize(
    ("type_", "properties", "wanted"),
    [
        ("identify", {"email": " Jane@X "}, "jane@x"),
        ("track", {"email": "jane@x"}, "jane@x"),
        ("page", {"email": "jane@x"}, None),
        ("group", {"email": "jane@x"}, None),
        ("identify", {"email": "jane"}, None),
        ("identify", {"email": ["jane@x"]}, None),
        ("identify", {"email": None}, None),
        ("identify", {}, None),
    ],
)
def test_an_address_is_taken_from_traits_and_from_tracked_properties(
    type_: str, properties: dict[str, Any], wanted: str | None
) -> None:
    assert enriched(type=type_, properties=properties).email == wanted


@pytest.mark.parametrize(
    ("actor", "wanted"),
    [
        ("staff", True),
        ({"type": "staff", "name": "Ann"}, True),
        ({"staff": True}, True),
        ({"staff": "yes"}, False),
        ({"type": ["staff"]}, False),
        ("customer", False),
        (["staff"], False),
        (1, False),
        (None, False),
    ],
)
def test_staff_are_staff_under_the_secret_key_only(actor: Any, wanted: bool) -> None:
    assert enriched(server=True, actor=actor).staff is wanted
    assert enriched(server=False, actor=actor).staff is False


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("jane@x", "jane@x"),
        ("\t Jane.Doe+Shop@Example.ORG \n", "jane.doe+shop@example.org"),
        ("JOSE\u0301@x", "jos\u00e9@x"),
        ("\u0130@x", "i\u0307@x"),
        ("\u0130\u0327@x", "i\u0327\u0307@x"),
        ("o'neil@x", "o'neil@x"),
        ("a" * 318 + "@x", "a" * 318 + "@x"),
        ("a" * 319 + "@x", None),
        ("", None),
        ("@", None),
        ("jane@", None),
        ("@x", None),
        ("jane", None),
        ("jane@doe@x", None),
        ("jane doe@x", None),
        ("jane@x\u00a0y", None),
        ("jane@x\x00", None),
        ("jane@x,joe@y", None),
    ],
)
def test_an_address_has_one_spelling(text: str, wanted: str | None) -> None:
    assert normalise_email(text) == wanted


@pytest.mark.parametrize(
    ("fields", "email"),
    [
        ({"type": "track", "context": {"traits": {"email": " Jane@X "}}}, "jane@x"),
        (
            {"type": "track", "context": {"traits": {"email": "jane@x"}}, "properties": {"email": "no address"}},
            "jane@x",
        ),
        ({"type": "track", "context": {"traits": {"email": "jane@x"}}, "properties": {"email": "joe@x"}}, "joe@x"),
        ({"type": "page", "properties": {"email": "jane@x"}}, "jane@x"),
        ({"type": "group", "properties": {"email": "jane@x"}}, "jane@x"),
        ({"type": "track", "context": {"traits": {"email": "jane@x"}}, "user": "42"}, None),
        ({"type": "track", "context": {"traits": {"email": "jane@x"}}, "visitor": "v1"}, None),
        ({"type": "page", "properties": {"email": "jane@x"}, "visitor": "v1"}, None),
        ({"type": "track", "context": {"traits": ["jane@x"]}}, None),
        ({"type": "track", "context": {"traits": {"email": 7}}}, None),
    ],
)
def test_a_back_end_s_call_that_names_nobody_else_is_the_address_s(fields: dict[str, Any], email: str | None) -> None:
    assert enriched(server=True, **{"visitor": None, **fields}).email == email


_MARKS = st.sampled_from("\u0301\u0307\u0345\u0327\u0323\u0130\u03a3\u1e9e\u0390\u01c4\u212a\u2126 @ AaIiΣσς")


@given(st.text(st.one_of(_MARKS, st.characters(exclude_categories=["Cs"]))))
@example("\u0130\u0307\u0323@x")
@example("Σ@Σ")
def test_a_normal_address_stays_as_it_is(text: str) -> None:
    address = normalise_email(f"{text}@{text}")
    if address is not None:
        assert normalise_email(address) == address
        assert unicodedata.is_normalized("NFC", address)
