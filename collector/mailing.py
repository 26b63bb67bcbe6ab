"""Marketing consent: what a call says of whether an address may be written to, about what, and by which proof.

What enters: a call's name and properties. What leaves: an answer, or none. An answer belongs to an address (or a user
id) and a topic, never to a device. It knows no store.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct

from collector.moment import read_time

SUBSCRIBED, UNSUBSCRIBED, SPAM = "Subscribed", "Unsubscribed", "Email Marked as Spam"
ANSWERS = frozenset({SUBSCRIBED, UNSUBSCRIBED, SPAM})
# What a call that names no topic is about: a yes about the letter that every shop has, a no about everything.
USUAL, ALL_TOPICS = "newsletter", "*"
IMPORT = "import"
_TOPICS = ("topic", "list_id", "list_name")
_TEXT_MAX = 1_000


class State(StrEnum):
    """UNKNOWN: somebody brought it in and cannot show where the yes came from."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Answer(Struct, frozen=True):
    """`confirmed`: when the address's bearer said yes a second time, if they did, in ms."""

    topic: str
    state: State
    source: str
    text: str
    language: str
    version: str
    confirmed: int | None


def answer_of(call_type: str, name: str, properties: Mapping[str, Any]) -> Answer | None:
    """What a call says; None where it says nothing of this."""
    if call_type != "track" or name not in ANSWERS:
        return None
    topic = next((named for field in _TOPICS if (named := _text(properties.get(field)))), "")
    text, language, version = (_text(properties.get(field)) for field in ("text", "language", "version"))
    if name == SPAM:
        return Answer(ALL_TOPICS, State.NO, "spam", "", "", "", None)
    source = _text(properties.get("source"))
    if name == UNSUBSCRIBED:
        return Answer(topic or ALL_TOPICS, State.NO, source or "unsubscribed", text, language, version, None)
    confirmed = read_time(properties.get("confirmed_at"))
    source = source or "form"
    proven = source != IMPORT or (confirmed is not None and bool(text or version))
    return Answer(topic or USUAL, State.YES if proven else State.UNKNOWN, source, text, language, version, confirmed)


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value).strip()[:_TEXT_MAX]
