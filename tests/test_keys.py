"""The key of a customer: one text for one id, read back to the same id."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.store.keys import FORMS, Key, Kind, customer_key, read_key

SPELLINGS = [
    (Kind.USER, "", "42", "42"),
    (Kind.USER, "", "jane@shop.example", "jane@shop.example"),
    (Kind.USER, "", "a/b c%2F?", "a/b c%2F?"),
    (Kind.USER, "", "email:jane@x", "user:email:jane@x"),
    (Kind.USER, "", "visitor:7", "user:visitor:7"),
    (Kind.USER, "", "user:7", "user:user:7"),
    (Kind.USER, "", "user@shop.example", "user:user@shop.example"),
    (Kind.USER, "outlet", "7", "user@outlet:7"),
    (Kind.USER, "a:b%", "7:8", "user@a%3Ab%25:7:8"),
    (Kind.EMAIL, "", "jane@x", "email:jane@x"),
    (Kind.VISITOR, "", "0b1f", "visitor:0b1f"),
]


@pytest.mark.parametrize(("kind", "space", "value", "key"), SPELLINGS)
def test_a_key_is_spelled_in_one_way_and_read_back(kind: Kind, space: str, value: str, key: str) -> None:
    assert customer_key(kind, space, value) == key
    assert read_key(key) == Key(kind, space, value)


@given(st.text(max_size=6), st.sampled_from(["", *FORMS]), st.text())
def test_every_user_id_of_every_space_comes_back(space: str, form: str, tail: str) -> None:
    assert read_key(customer_key(Kind.USER, space, form + tail)) == Key(Kind.USER, space, form + tail)


@given(st.text())
def test_reading_a_key_never_raises_and_its_canonical_form_names_the_same(key: str) -> None:
    read = read_key(key)
    assert read_key(customer_key(read.kind, read.space, read.value)) == read


def test_user_is_always_accepted_before_a_plain_id() -> None:
    assert read_key("user:42") == read_key("42")


def test_an_address_is_looked_up_as_it_is_stored() -> None:
    assert read_key("email: Jane@X.Example ") == Key(Kind.EMAIL, "", "jane@x.example")
