"""The doors that calls come through: /v1/*. One request is read, admitted, accepted, written and only then answered.

What enters: HTTP as ASGI. What leaves: 200 once the events are on disk, else why not. This is the hot path, hence
plain ASGI. It knows neither the wire's spelling (`wire`) nor what makes an event good (`ingest/acceptance`).
"""

from __future__ import annotations

import asyncio
import time
from asyncio import Future
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qs

import msgspec
from msgspec import Struct
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from collector.enrich.arrival import Arrival
from collector.errors import BodyTooLarge, FootfallError
from collector.event import Event
from collector.ingest.acceptance import DailySalt, accept
from collector.ingest.client_address import Proxies
from collector.ingest.keys import Gate, Keyring
from collector.ingest.pace import Pace
from collector.ingest.vocabulary import UNLIMITED, Vocabulary
from collector.ingest.writer import Writer
from collector.store import NOT_KEPT, Entry, Left, Outcome
from collector.web import cors, failure
from collector.web.failure import Denied, TooFast
from collector.wire import BODY_BYTES_MAX, PATHS, Envelope, browser_settings, inflate, open_envelope, read_key

JSON = (b"content-type", b"application/json")
SUCCESS = b'{"success":true}'
# A batch of more is taken in parts. SDKs send a hundred or two; thousands are somebody's mistake, or worse.
ITEMS_AT_ONCE_MAX = 250


class Admission(Struct, frozen=True):
    """What the doors need to know of the house."""

    keyring: Keyring
    writer: Writer
    proxies: Proxies
    pace: Pace
    salt: DailySalt
    vocabulary: Vocabulary = UNLIMITED
    on_answer: Callable[[int], None] = lambda status: None
    clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000


Client = tuple[str, int] | None
Answer = tuple[int, bytes, cors.Headers]


class Taken(Struct, frozen=True, gc=False):
    """A request that waits for the disk. `readable_by` is the origin whose page may read the answer."""

    entries: list[Entry]
    outcomes: Future[list[Outcome]]
    verbose: bool
    readable_by: str | None

    def answer(self, outcomes: list[Outcome]) -> Answer:
        """What is said once it is on disk."""
        body = _verbose(self.entries, outcomes) if self.verbose else SUCCESS
        return 200, body, cors.readable(self.readable_by, True)


class _Left(Exception):
    """The client went away before it had said all."""


class Door:
    """One of the paths that calls are posted to; `call_type` as in `wire.PATHS`."""

    def __init__(self, path: str, admission: Admission) -> None:
        self._call_type = PATHS[path]
        self._admission = admission

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope["headers"])
        method = scope["method"]
        if method == "OPTIONS":
            answer = _preflight(headers.origin, self._admission.keyring)
        elif method != "POST":
            answer = 405, failure.body("method_not_allowed", "calls are posted"), [(b"allow", b"POST")]
        else:
            try:
                body = await _read(headers, receive)
                taken = self.take(headers, scope["client"], body, scope["query_string"])
                answer = taken.answer(await taken.outcomes)
            except _Left:
                return
            except FootfallError as error:
                answer = self.refuse(error, headers)
        self._admission.on_answer(answer[0])
        await _send(send, *answer)

    def count(self, status: int) -> None:
        """Tell that a request was answered so."""
        self._admission.on_answer(status)

    def refuse(self, error: FootfallError, headers: Headers) -> Answer:
        """What is answered to a request that failed."""
        return _failed(error, headers.origin, self._admission.keyring)

    def take(self, headers: Headers, client: Client, sent: bytes, query: bytes = b"") -> Taken:
        """Admit and accept one request, and hand it to the writer. `sent` is the body. Raises FootfallError."""
        admission = self._admission
        admission.writer.refuse_if_full()
        body = inflate(sent, headers.encoding)
        envelope = open_envelope(body, self._call_type)
        gate = _gate(read_key(headers.authorization, envelope.write_key), admission.keyring)
        address = headers.client(client, admission.proxies)
        if not gate.server:
            _admit(gate, headers.origin)
            wait_s = admission.pace.wait_s(address, time.monotonic())
            if wait_s:
                raise TooFast(wait_s)
        received = admission.clock_ms()
        arrival = Arrival(
            site=gate.site,
            server=gate.server,
            address=address,
            user_agent=headers.user_agent,
            salt=admission.salt.at(received),
            staff=gate.staff.hold(address),
        )
        verbose = gate.server and _asks_verbose(query)
        readable_by = None if gate.server else headers.origin
        if len(envelope.items) > ITEMS_AT_ONCE_MAX:
            entries: list[Entry] = []
            by_and_by = self._take_by_and_by(envelope, arrival, received, len(body), entries if verbose else None)
            return Taken(entries, asyncio.ensure_future(by_and_by), verbose, readable_by)
        entries = accept(envelope, arrival, received, vocabulary=admission.vocabulary)
        return Taken(entries, admission.writer.submit(entries, len(body), exact=verbose), verbose, readable_by)

    async def _take_by_and_by(
        self, envelope: Envelope, arrival: Arrival, received: int, size_bytes: int, kept: list[Entry] | None
    ) -> list[Outcome]:
        """Very many items, some at a time: others are answered in between. `kept` gets the entries.

        Where the disk fails in the middle, what came before is stored; sent again, its messageIds are known.
        """
        admission = self._admission
        outcomes: list[Outcome] = []
        for part in envelope.parts(ITEMS_AT_ONCE_MAX):
            entries = accept(part, arrival, received, vocabulary=admission.vocabulary)
            if kept is not None:
                kept += entries
            size = size_bytes * len(part.items) // len(envelope.items)
            outcomes += await admission.writer.submit(entries, size, exact=kept is not None)
        return outcomes


def doors(admission: Admission, path_prefix: str = "", calls_path: str = "v1/batch") -> dict[str, Door]:
    """A door for each path that calls are posted to: the wire's own, and those that the operator has named."""
    made = {path: Door(path, admission) for path in PATHS}
    made |= {f"{prefix}/{calls_path}": made["/v1/batch"] for prefix in ("", path_prefix)}
    return made | {f"{path_prefix}{path}": door for path, door in made.items() if path in PATHS}


class Doors:
    """All the doors. As middleware they stand before Starlette's router, which costs a tenth of a request's time."""

    def __init__(self, app: ASGIApp, doors: Mapping[str, Door]) -> None:
        self._app = app
        self._doors = doors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        door = self._doors.get(scope["path"]) if scope["type"] == "http" else None
        await (door or self._app)(scope, receive, send)


class BrowserSettings:
    """GET /v1/projects/{key}/settings: what the browser SDK asks before it sends."""

    def __init__(self, admission: Admission, public_url: str = "") -> None:
        self._admission = admission
        self._public_url = public_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope["headers"])
        keyring = self._admission.keyring
        if scope["method"] == "OPTIONS":
            status, body, extra = _preflight(headers.origin, keyring)
        else:
            try:
                status, body, extra = self._get(scope, headers)
            except FootfallError as error:
                status, body, extra = _failed(error, headers.origin, keyring)
        self._admission.on_answer(status)
        await _send(send, status, body, extra)

    def _get(self, scope: Scope, headers: Headers) -> Answer:
        gate = self._admission.keyring.find_public(scope["path_params"]["key"])
        if gate is None:
            raise _unknown_key()
        _admit(gate, headers.origin)
        scheme, _, host = self._public_url.partition("://") if self._public_url else (scope["scheme"], "", headers.host)
        body = msgspec.json.encode(browser_settings(gate.site.write_key, host, scheme))
        return 200, body, [*cors.readable(headers.origin, True), (b"cache-control", b"public, max-age=300")]


# A browser sends a dozen others.
_COUNTED = frozenset(
    {b"authorization", b"content-encoding", b"content-length", b"host", b"origin", b"user-agent", b"x-forwarded-for"}
)


class Headers:
    """The headers that count here, found in one pass."""

    __slots__ = ("authorization", "encoding", "forwarded", "host", "length", "origin", "user_agent")

    def __init__(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self.authorization: str | None = None
        self.encoding: str | None = None
        self.forwarded = ""
        self.host = ""
        self.length = 0
        self.origin: str | None = None
        self.user_agent = ""
        for name, value in headers:
            if name not in _COUNTED:
                continue
            if name == b"origin":
                self.origin = value.decode("latin-1")
            elif name == b"authorization":
                self.authorization = value.decode("latin-1")
            elif name == b"content-encoding":
                self.encoding = value.decode("latin-1")
            elif name == b"user-agent":
                self.user_agent = value.decode("utf-8", "replace")
            elif name == b"host":
                self.host = value.decode("latin-1")
            elif name == b"content-length":
                self.length = int(value) if value.isdigit() else 0
            elif name == b"x-forwarded-for":
                self.forwarded += ("," if self.forwarded else "") + value.decode("latin-1")

    def client(self, client: Client, proxies: Proxies) -> str:
        peer = client[0] if client else ""
        return proxies.client(peer, self.forwarded) if self.forwarded and proxies else peer


async def _read(headers: Headers, receive: Receive) -> bytes:
    """The body as sent. Raises BodyTooLarge as soon as that is known."""
    if headers.length > BODY_BYTES_MAX:
        raise BodyTooLarge(f"the body is over {BODY_BYTES_MAX} bytes")
    message = await receive()
    body: bytes = message.get("body", b"")
    if message["type"] == "http.request" and not message.get("more_body"):
        return body
    parts, size = [body], len(body)
    while message.get("more_body"):
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > BODY_BYTES_MAX:
            raise BodyTooLarge(f"the body is over {BODY_BYTES_MAX} bytes")
    if message["type"] == "http.disconnect":
        raise _Left
    return b"".join(parts)


def _gate(key: str | None, keyring: Keyring) -> Gate:
    gate = keyring.find(key) if key else None
    if gate is None:
        raise _unknown_key()
    return gate


def _unknown_key() -> Denied:
    return Denied(401, "unknown_key", "no site has this key")


def _admit(gate: Gate, origin: str | None) -> None:
    if origin is not None and not gate.origins.allow(origin):
        raise Denied(403, "origin_not_allowed", f"pages of {origin[:200]} may not send: the site does not list them")


def _preflight(origin: str | None, keyring: Keyring) -> Answer:
    if origin is None or not keyring.any_allows(origin):
        return 403, failure.body("origin_not_allowed", "pages of this origin may not send"), [cors.VARY]
    return 204, b"", cors.preflight(origin)


def _failed(error: FootfallError, origin: str | None, keyring: Keyring) -> Answer:
    answer = failure.answer(error)
    headers = [(name.encode(), value.encode()) for name, value in answer.headers]
    allowed = origin is not None and answer.status != 403 and keyring.any_allows(origin)
    return answer.status, answer.body, headers + cors.readable(origin, allowed)


def _asks_verbose(query: bytes) -> bool:
    return bool(query) and parse_qs(query.decode("latin-1")).get("verbose") == ["1"]


def _verbose(entries: list[Entry], outcomes: list[Outcome]) -> bytes:
    return msgspec.json.encode({"success": True, "items": list(map(_item, entries, outcomes))})


def _item(entry: Entry, outcome: Outcome) -> dict[str, Any]:
    if isinstance(entry, Event):
        if outcome in NOT_KEPT:
            return {"messageId": entry.id, "outcome": outcome.told, "reason": NOT_KEPT[outcome]}
        return {"messageId": entry.id, "outcome": outcome}
    if isinstance(entry, Left):
        return {"outcome": outcome, "reason": entry.why}
    if outcome in NOT_KEPT:
        return {"outcome": outcome.told, "reason": NOT_KEPT[outcome]}
    return {"outcome": outcome, "reason": entry.reason, "detail": entry.detail}


async def _send(send: Send, status: int, body: bytes, headers: cors.Headers) -> None:
    described = [JSON, (b"content-length", b"%d" % len(body))] if status != 204 else []
    start: Message = {"type": "http.response.start", "status": status, "headers": [*described, *headers]}
    await send(start)
    await send({"type": "http.response.body", "body": body})
