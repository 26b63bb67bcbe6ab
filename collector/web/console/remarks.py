"""What staff write about a customer: notes, contacts, follow-ups. They are calls like any other, made by staff.

What enters: the fields of a form; or an event that was such a call. What leaves: messages for the wire; or remarks to
show. They claim nothing and form no visit; that is decided where calls are accepted.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from collector.errors import Misuse
from collector.store.dossier import Moment
from collector.store.keys import Key, Kind

NOTE, CONTACT, FOLLOW_UP = "Note Added", "Contact Logged", "Follow-up Set"
CHANNELS = (
    ("phone", "Contact by phone"),
    ("e-mail", "Contact by e-mail"),
    ("chat", "Contact by chat"),
    ("shop", "Contact in the shop"),
)
TEXT_MAX = 4_000
_STAFF = {"actor": {"type": "staff"}}


class Remark(Struct, frozen=True, kw_only=True):
    """What was written, and as what. `due` is a day, for a follow-up."""

    time: int
    name: str
    kept_as: str
    text: str
    due: date | None


class FollowUp(Struct, frozen=True):
    """Something is still to be done."""

    due: date
    text: str
    late: bool


def messages(whom: Key, kind: str, text: str, due: str, id: str) -> list[dict[str, Any]]:
    """The calls of one form; `kind` is `note` or a channel of CHANNELS.

    `id` makes a form that is sent twice count once. Raises Misuse.
    """
    text = text.strip()
    if not text or len(text) > TEXT_MAX:
        raise Misuse(f"a note needs a text of at most {TEXT_MAX} characters")
    form = _read_id(id)
    if kind == "note":
        told = [_message(whom, NOTE, form, text=text)]
    elif kind in dict(CHANNELS):
        told = [_message(whom, CONTACT, form, channel=kind, text=text)]
    else:
        raise Misuse("a remark is a note, or a contact by one of the channels")
    if due:
        told.append(_message(whom, FOLLOW_UP, f"{form}-due", due=_read_day(due).isoformat(), text=text))
    return told


def read_remark(moment: Moment) -> Remark:
    """The remark that an event is; what is not of the expected shape was not said."""
    said = _read(moment.properties)
    due = said.get("due")
    kept_as = {NOTE: "Note", CONTACT: "Contact", FOLLOW_UP: "Follow-up"}.get(moment.name, moment.name or moment.type)
    return Remark(
        time=moment.time,
        name=moment.name,
        kept_as=dict(CHANNELS).get(str(said.get("channel")), kept_as) if moment.name == CONTACT else kept_as,
        text=str(said.get("text") or ""),
        due=_day_or_none(due) if isinstance(due, str) else None,
    )


def follow_up_of(remarks: list[Remark], now: int, zone: str) -> FollowUp | None:
    """The newest follow-up, unless somebody was in contact since. `remarks` are newest first."""
    for remark in remarks:
        if remark.name == CONTACT:
            return None
        if remark.name == FOLLOW_UP and remark.due:
            today = datetime.fromtimestamp(now / 1_000, UTC).astimezone(ZoneInfo(zone)).date()
            return FollowUp(remark.due, remark.text, remark.due < today)
    return None


def _read(properties: str) -> dict[str, Any]:
    try:
        read: dict[str, Any] = msgspec.json.decode(properties, type=dict[str, Any]) if properties else {}
    except msgspec.DecodeError:
        return {}
    return read


def _message(whom: Key, event: str, id: str, **properties: str) -> dict[str, Any]:
    names = {Kind.USER: {"userId": whom.value}, Kind.VISITOR: {"anonymousId": whom.value}}.get(whom.kind, {})
    told = properties | ({"email": whom.value} if whom.kind is Kind.EMAIL else {})
    return {"type": "track", "event": event, "messageId": id, "properties": told, "context": _STAFF, **names}


def _read_id(id: str) -> str:
    try:
        return str(UUID(id))
    except ValueError as error:
        raise Misuse("the form is not one that this page gave") from error


def _read_day(day: str) -> date:
    found = _day_or_none(day)
    if found is None:
        raise Misuse(f"{day!r} is not a date like 2026-05-01")
    return found


def _day_or_none(day: str) -> date | None:
    try:
        return date.fromisoformat(day)
    except ValueError:
        return None
