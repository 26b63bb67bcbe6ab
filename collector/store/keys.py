"""The text that names a customer in every URL, export and screen, and how it is read back.

What enters: a kind of id, its space and its value; or the text of a key. What leaves: the other one.
It knows no store: whether anyone bears the key is not its business.
"""

from __future__ import annotations

from enum import IntEnum

from msgspec import Struct

from collector.enrich.email_address import normalise_email

FORMS = ("email:", "visitor:", "user:", "user@")


class Kind(IntEnum):
    """What a key names. The first two are the numbers in `persons.kind`."""

    USER = 0
    EMAIL = 1
    VISITOR = 2

    @property
    def word(self) -> str:
        return self.name.lower()


class Key(Struct, frozen=True):
    """A key, read. `space` is that of a user id, '' for all others and for the shared one."""

    kind: Kind
    space: str
    value: str


def customer_key(kind: int, space: str, value: str) -> str:
    """The one canonical key: `jane` as is, `user:email:x`, `user@SPACE:7`, `email:ADDRESS` or `visitor:ID`."""
    if kind != Kind.USER:
        return f"{Kind(kind).word}:{value}"
    if space:
        return f"user@{_escaped(space)}:{value}"
    return f"user:{value}" if value.startswith(FORMS) else value


def read_key(key: str) -> Key:
    """The inverse of `customer_key`; total. An address is normalised, `user:` is always accepted."""
    form, colon, value = key.partition(":")
    if colon and form == "email":
        return Key(Kind.EMAIL, "", normalise_email(value) or value)
    if colon and form == "visitor":
        return Key(Kind.VISITOR, "", value)
    if colon and form == "user":
        return Key(Kind.USER, "", value)
    if colon and form.startswith("user@"):
        return Key(Kind.USER, _unescaped(form.removeprefix("user@")), value)
    return Key(Kind.USER, "", key)


def _escaped(space: str) -> str:
    """A space ends at the first colon of a key, so its own are escaped. The SQL views do the same."""
    return space.replace("%", "%25").replace(":", "%3A")


def _unescaped(space: str) -> str:
    return space.replace("%3A", ":").replace("%25", "%")
