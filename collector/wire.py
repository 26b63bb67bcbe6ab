"""The public Segment HTTP tracking API, and the only file that knows its spelling (DESIGN.md, section 2).

Bytes and headers come in; calls, or the reason why one is none, go out, one for each item and in order. Pure: it knows
no clock, no randomness, no site and no consent; what a key may do is told to it as `server`.
"""

from __future__ import annotations

import binascii
import json
import re
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from collector.context import lift
from collector.errors import BodyTooLarge, NotACall
from collector.event import CALL_TYPES, DAY_MS, MINUTE_MS, Call, Reason, Rejected
from collector.limits import BODY_BYTES_MAX, inflate, properties_breach, shape_breach, size_breach
from collector.moment import read_time

__all__ = [
    "BODY_BYTES_MAX",
    "PATHS",
    "Envelope",
    "browser_settings",
    "envelope_of",
    "inflate",
    "open_envelope",
    "read_calls",
    "read_key",
    "replayable",
]

# The type of the calls that are posted to each path; None: a batch, whose items say it themselves.
# The Ruby, Java and .NET SDKs post their batches to /v1/import, some with a slash behind it.
PATHS: dict[str, str | None] = {"/v1/batch": None, "/v1/b": None, "/v1/m": None, "/v1/import": None}
PATHS |= {f"/v1/{path}": name for name in sorted(CALL_TYPES) for path in (name, name[0])}
PATHS |= {f"{path}/": call_type for path, call_type in PATHS.items()}

AGE_MS_MAX = 7 * DAY_MS
MERGED_BYTES_MAX = 8 * BODY_BYTES_MAX  # a context given once may not be made into more than this
KEY_MEMBER = re.compile(rb'"writeKey"\s*:\s*"[^"]*"')
BAD_USER_IDS = frozenset({"", "null", "undefined", "0", "guest", "anonymous"})
UTF8_MARK = b"\xef\xbb\xbf"


class Envelope(Struct, frozen=True, kw_only=True):
    """The items of one body as JSON, one for each call, and what the body says for all of them.

    `call_type` is the path's type, or None where each item has its own. `sent_at` is in ms. `context` is a batch's
    own as JSON, or empty; it lies under the context of every item, and its bytes count towards each call's size.
    `first` is the place in the batch of the first item.
    """

    items: list[bytes]
    call_type: str | None = None
    write_key: str | None = None
    sent_at: int | None = None
    context: bytes = b""
    first: int = 0

    def parts(self, items_max: int) -> Iterator[Envelope]:
        """The same in parts, each of so many items at most."""
        for at in range(0, len(self.items), items_max):
            yield replace(self, items=self.items[at : at + items_max], first=self.first + at)


class _Head(Struct):
    """What a body says beside its items. A key that is given twice counts as last said, as in JavaScript."""

    writeKey: Any = None
    sentAt: Any = None


class _BatchHead(_Head):
    batch: list[Raw] | None = None
    context: Raw = Raw(b"")


class _Refused(Exception):
    """Carries a reason from where it is found to the item that it is the end of. Never leaves this file."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


_read_head = msgspec.json.Decoder(_Head).decode
_read_batch_head = msgspec.json.Decoder(_BatchHead).decode
_read_json = msgspec.json.Decoder().decode


# --- bodies and headers


def read_key(authorization: str | None, body_key: str | None) -> str | None:
    """The key: HTTP Basic user name (the password is ignored), a Bearer token, else the body's `writeKey`."""
    scheme, _, credentials = (authorization or "").strip().partition(" ")
    key = ""
    if scheme.lower() == "bearer":
        key = credentials.strip()
    elif scheme.lower() == "basic":
        try:
            key = b64decode(credentials.strip()).decode().partition(":")[0]
        except (binascii.Error, ValueError):
            key = ""
    return key or body_key or None


def open_envelope(body: bytes, call_type: str | None) -> Envelope:
    """The items of an inflated body that was posted to a path of `call_type`, not yet read.

    NotACall with `invalid_json`, `too_deep`, `not_an_object`, `no_batch` or `empty_batch`. An item that holds something
    that JSON does not (NaN, half a surrogate pair, bytes that are not UTF-8) harms only itself, as far as the body
    around it can be read.
    """
    body = body.removeprefix(UTF8_MARK)
    try:
        if call_type is None:
            batch = _read_batch_head(body)
            return _envelope(batch, batch.batch, None, bytes(batch.context))
        body.decode()
        return _envelope(_read_head(body), [body.strip()], call_type)
    except RecursionError as error:
        raise NotACall("too_deep", "the body is nested too deeply to be read") from error
    except UnicodeDecodeError as error:
        raise NotACall("invalid_json", "the body is not UTF-8") from error
    except msgspec.DecodeError:
        return _open_leniently(body, call_type)


def _envelope(
    head: _Head, items: Iterable[bytes | Raw] | None, call_type: str | None, context: bytes = b""
) -> Envelope:
    if items is None:
        raise NotACall("no_batch", "the body has no list `batch`")
    parts = [bytes(item) for item in items]
    if not parts:
        raise NotACall("empty_batch", "the list `batch` is empty")
    if len(parts) * len(context) > MERGED_BYTES_MAX:
        raise BodyTooLarge("the batch's context, once for each of its calls, is too large")
    return Envelope(
        items=parts,
        call_type=call_type,
        write_key=head.writeKey if isinstance(head.writeKey, str) else None,
        sent_at=read_time(head.sentAt),
        context=b"" if context == b"null" else context,
    )


def _open_leniently(body: bytes, call_type: str | None) -> Envelope:
    """For a body that the strict reader refuses: says what is wrong with it, or saves the good items of a batch."""
    try:
        whole = json.loads(body.decode())
    except RecursionError as error:
        raise NotACall("too_deep", "the body is nested too deeply to be read") from error
    except ValueError as error:
        raise NotACall("invalid_json", f"the body is not JSON: {error}"[:200]) from error
    if not isinstance(whole, dict):
        raise NotACall("not_an_object", "the body is JSON, but not an object")
    head = _Head(writeKey=whole.get("writeKey"), sentAt=whole.get("sentAt"))
    if call_type is not None:
        return _envelope(head, [_as_sent(whole)], call_type)
    batch = whole.get("batch")
    items = [_as_sent(item) for item in batch] if isinstance(batch, list) else None
    return _envelope(head, items, None, _as_sent(whole.get("context")))


def _as_sent(value: Any) -> bytes:
    """JSON again, with the faults that it came with, so that the reader of the item finds them."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def envelope_of(messages: Iterable[dict[str, Any]]) -> Envelope:
    """The envelope of messages that were made here (`sources/`) and not sent. Decimals become text, so stay exact."""
    return Envelope(items=[msgspec.json.encode(message) for message in messages])


def browser_settings(write_key: str, host: str, scheme: str) -> dict[str, Any]:
    """What GET /v1/projects/{key}/settings answers: @segment/analytics-next then posts to this host and nowhere else.

    `host` is host[:port], `scheme` http or https. Without a sample rate of 0 the SDK reports metrics to its maker.
    """
    api_host = f"{host}/v1"
    return {
        "integrations": {
            "Segment.io": {
                "apiKey": write_key,
                "apiHost": api_host,
                "protocol": scheme,
                "addBundledMetadata": False,
                "retryQueue": True,
            }
        },
        "metrics": {"sampleRate": 0, "host": api_host, "protocol": scheme},
        "plan": {"track": {"__default": {"enabled": True, "integrations": {}}}},
        "middlewareSettings": {},
        "enabledMiddleware": {},
        "remotePlugins": [],
        "legacyVideoPluginsEnabled": False,
        "analyticsNextEnabled": True,
    }


# --- calls


def read_calls(envelope: Envelope, *, server: bool, received: int, new_id: Callable[[], str]) -> list[Call | Rejected]:
    """One result for each item, in order. `received` is in ms; `new_id` makes ids for calls that bring none."""
    results: list[Call | Rejected] = []
    for place, item in enumerate(envelope.items, envelope.first):
        try:
            results.append(_read_call(item, place, envelope, server, received, new_id))
        except _Refused as refused:
            results.append(Rejected(refused.reason, refused.detail, replayable(item, envelope)))
    return results


def _read_call(
    item: bytes, place: int, envelope: Envelope, server: bool, received: int, new_id: Callable[[], str]
) -> Call:
    size = len(item) + len(envelope.context)
    _refuse(size_breach(size, server))
    message = _decode(item, "the call")
    call_type = envelope.call_type or message.get("type")
    if not isinstance(call_type, str) or call_type not in CALL_TYPES:
        raise _Refused(Reason.UNKNOWN_TYPE, f"type {call_type!r:.60} is not known")
    context = _object(message, "context")
    if envelope.context:
        context = message["context"] = _decode(envelope.context, "the batch's context") | context
    _refuse(shape_breach(message, item + envelope.context))
    properties = _properties(message, call_type, context)
    _refuse(properties_breach(properties, size))
    visitor, user = _id(message, "anonymousId"), _user_id(message, "userId")
    previous = _user_id(message, "previousId") if call_type == "alias" else None
    _refuse_nobody(call_type, server, visitor, user, previous, properties, context)
    time = _event_time(message, envelope.sent_at, received, place)
    if not server and time < received - AGE_MS_MAX:
        raise _Refused(Reason.TOO_OLD, "the call is older than 7 days")
    return Call(
        type=call_type,
        name=_name(message, call_type),
        id=_id(message, "messageId") or new_id(),
        time=time,
        received=received,
        visitor=visitor,
        user=user,
        previous=previous,
        properties=properties,
        **lift(context, properties if call_type == "page" else {}),
        context=context,
    )


def _refuse(breach: tuple[Reason, str] | None) -> None:
    if breach is not None:
        raise _Refused(*breach)


def _decode(raw: bytes, what: str) -> dict[str, Any]:
    try:
        value = _read_json(raw)
    except RecursionError as error:
        raise _Refused(Reason.TOO_DEEP, f"{what} is nested too deeply to be read") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _Refused(Reason.MALFORMED, f"{what} is not valid JSON: {error}"[:200]) from error
    if not isinstance(value, dict):
        raise _Refused(Reason.MALFORMED, f"{what} is not an object")
    return value


def _object(holder: dict[str, Any], field: str) -> dict[str, Any]:
    value = holder.get(field)
    if value is None or value == []:  # PHP writes an empty object as an empty list
        return {}
    if not isinstance(value, dict):
        raise _Refused(Reason.MALFORMED, f"{field} is not an object")
    return value


def _id(message: dict[str, Any], field: str) -> str | None:
    """An id as given, or None where it is missing, null or blank; a number becomes its text."""
    value = message.get(field)
    if value is None:
        return None
    if isinstance(value, str):
        return value if value.strip() else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Refused(Reason.MALFORMED, f"{field} is neither text nor a number")
    return str(int(value)) if value == int(value) else str(value)


def _user_id(message: dict[str, Any], field: str) -> str | None:
    value = message.get(field)
    user = _id(message, field)
    if value is not None and (user or "").strip().lower() in BAD_USER_IDS:
        raise _Refused(Reason.BAD_USER_ID, f"{field} {value!r:.40} names nobody")
    return user


def _name(message: dict[str, Any], call_type: str) -> str:
    if call_type == "track":
        event = message.get("event")
        if not isinstance(event, str) or not event.strip():
            raise _Refused(Reason.MISSING_EVENT, "a track call needs the name of its event")
        return event
    name = message.get("name") if call_type in ("page", "screen") else None
    return name if isinstance(name, str) else ""


def _properties(message: dict[str, Any], call_type: str, context: dict[str, Any]) -> dict[str, Any]:
    if call_type == "identify" and message.get("traits") is None:
        traits = _object(context, "traits")
        context.pop("traits", None)
        return traits
    if call_type == "group":
        group = _id(message, "groupId")
        return _object(message, "traits") | ({"group_id": group} if group else {})
    return _object(message, "traits" if call_type == "identify" else "properties")


def _refuse_nobody(
    call_type: str,
    server: bool,
    visitor: str | None,
    user: str | None,
    previous: str | None,
    properties: dict[str, Any],
    context: dict[str, Any],
) -> None:
    """A browser's call must name somebody; a server's somebody or something; an alias both of whom it joins."""
    if call_type == "alias" and not (previous and user):
        raise _Refused(Reason.MISSING_ID, "an alias needs previousId and userId")
    if visitor or user:
        return
    if not server:
        raise _Refused(Reason.MISSING_ID, "the call has neither anonymousId nor userId")
    traits = context.get("traits")
    if isinstance(traits, dict) and traits.get("email"):
        return
    if not any(properties.get(field) for field in ("email", "order_id", "product_id", "sku", "group_id")):
        raise _Refused(Reason.MISSING_ID, "the call names nobody and nothing: no id, e-mail, order or product")


# --- time


def _event_time(message: dict[str, Any], batch_sent_at: int | None, received: int, place: int) -> int:
    """DESIGN.md, section 2, "Event time": a client's clock is corrected by what it says of the moment of sending."""
    given = message.get("timestamp")
    if given is None or given == "":
        given = message.get("originalTimestamp")
    if given is None or given == "":
        return received + place
    time = read_time(given)
    sent_at = read_time(message.get("sentAt")) or batch_sent_at
    if time is not None and sent_at is not None and abs(sent_at - received) > MINUTE_MS:
        time = received - (sent_at - time)
    if time is None or time <= 0:
        raise _Refused(Reason.BAD_TIMESTAMP, f"timestamp {given!r:.60} cannot be read")
    return min(time, received)


# --- what goes to quarantine


def replayable(item: bytes, envelope: Envelope) -> bytes:
    """The item as a message that stands alone: with its path's type, its batch's `sentAt` and context, and no key.

    What no reader can decode stays as it was sent, save its key and that bytes which are not UTF-8 become U+FFFD.
    """
    message = _read_leniently(item)
    if not isinstance(message, dict):
        return KEY_MEMBER.sub(b'"writeKey":""', item.decode(errors="replace").encode())
    message.pop("writeKey", None)
    if envelope.call_type is not None:
        message["type"] = envelope.call_type
    if envelope.sent_at is not None:
        message.setdefault("sentAt", envelope.sent_at)
    shared, own = _read_leniently(envelope.context), message.get("context") or {}
    if isinstance(shared, dict) and isinstance(own, dict):
        message["context"] = shared | own
    return _as_sent(message)


def _read_leniently(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None
