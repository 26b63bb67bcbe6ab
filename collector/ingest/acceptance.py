"""From a request's items to entries for the log: each call is read, enriched, and kept, refused or left.

What enters: an opened envelope and what is known of its arrival. What leaves: one entry an item, in order.
It decides nothing itself: `wire` says what is refused and `enrich` what is dropped. It knows no web and no store.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import Any
from uuid import NAMESPACE_OID, uuid4, uuid5

from collector.context import lift
from collector.enrich.address import network
from collector.enrich.arrival import Arrival
from collector.enrich.consent import ANALYTICS, withdrawal_of
from collector.enrich.steps import enrich
from collector.event import DAY_MS, Call, ConsentMode, Dropped, Event, Rejected, Site, Withdrawal
from collector.ingest.vocabulary import UNLIMITED, Vocabulary
from collector.store import Entry, Left, Quarantined
from collector.wire import Envelope, read_calls, replayable

SHOWN_MAX = 512  # how much of a bot's user agent and page is kept


class DailySalt:
    """A fresh salt each day, in memory alone: what it has hashed can be told apart only while it lives."""

    def __init__(self, random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> None:
        self._random_bytes = random_bytes
        self._day = -1
        self._salt = b""

    def at(self, received: int) -> bytes:
        day = received // DAY_MS
        if day != self._day:
            self._day, self._salt = day, self._random_bytes(32)
        return self._salt


def new_id() -> str:
    """The messageId of a call that brings none."""
    return str(uuid4())


def accept(
    envelope: Envelope,
    arrival: Arrival,
    received: int,
    new_id: Callable[[], str] = new_id,
    vocabulary: Vocabulary = UNLIMITED,
) -> list[Entry]:
    """The entries of one request, in the order of its items. Never raises for anything that a client sends."""
    calls = read_calls(envelope, server=arrival.server, received=received, new_id=new_id)
    entries: list[Entry] = []
    for index, call in enumerate(calls, envelope.first):
        if not isinstance(call, Call):
            entries.append(_refuse(call, index, arrival, received))
            continue
        kept = _keep(call, arrival)
        breach = None
        if isinstance(kept, Event) and vocabulary is not UNLIMITED:
            breach = vocabulary.breach(arrival.site.name, arrival.server, call)
        if breach is not None:
            refused = Rejected(*breach, replayable(envelope.items[index], envelope))
            kept = _refuse(refused, index, arrival, received)
        entries.append(kept)
    return entries


def replay(refused: Quarantined, site: Site) -> Entry:
    """What becomes of a refused call now, as if it arrived when it first did.

    A call without a messageId gets the same one at each replay, so that none is ever stored twice.
    """
    index = int(refused.arrival.get("index", 0))
    envelope = Envelope(items=[b"{}"] * index + [refused.raw])
    arrival = Arrival(
        site=site,
        server=refused.server,
        address=str(refused.arrival.get("network", "")),
        user_agent=str(refused.arrival.get("user_agent", "")),
        salt=secrets.token_bytes(32),
    )
    id = str(uuid5(NAMESPACE_OID, f"{site.name}\0{refused.received}\0{refused.id}"))
    return accept(envelope, arrival, refused.received, lambda: id)[-1]


def _keep(call: Call, arrival: Arrival) -> Entry:
    kept = enrich(call, arrival)
    if kept is Dropped.BOT:
        agent = (call.user_agent if arrival.server else arrival.user_agent) or ""
        return _left(arrival, kept, call.received, agent, call.url or "")
    if kept is Dropped.CONSENT:
        return _left(arrival, kept, call.received, withdrawal=withdrawal_of(call))
    return _left(arrival, kept, call.received) if isinstance(kept, Dropped) else kept


def _left(
    arrival: Arrival,
    why: Dropped,
    received: int,
    agent: str = "",
    url: str = "",
    withdrawal: Withdrawal | None = None,
) -> Left:
    return Left(
        site=arrival.site.name,
        why=why,
        received=received,
        user_agent=agent[:SHOWN_MAX],
        url=url[:SHOWN_MAX],
        withdrawal=withdrawal,
    )


def _refuse(call: Rejected, index: int, arrival: Arrival, received: int) -> Entry:
    """A broken call is personal data as much as a good one: it is kept only where its consent would let it be."""
    if arrival.staff:
        return _left(arrival, Dropped.STAFF, received)
    if not _may_keep(call.raw, arrival):
        return _left(arrival, Dropped.CONSENT, received)
    return Quarantined(
        site=arrival.site.name,
        server=arrival.server,
        received=received,
        reason=call.reason,
        detail=call.detail,
        raw=call.raw,
        arrival={"index": index, "user_agent": arrival.user_agent[:SHOWN_MAX], "network": network(arrival.address)},
    )


def _may_keep(raw: bytes, arrival: Arrival) -> bool:
    granted = _analytics(raw)
    if granted is False:
        return False
    return granted is True or arrival.server or arrival.site.consent is ConsentMode.OPT_OUT


def _analytics(raw: bytes) -> bool | None:
    """What a call that could not be read says of consent, as far as that can be made out."""
    try:
        message: Any = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    context = message.get("context") if isinstance(message, dict) else None
    consent = context.get("consent") if isinstance(context, dict) else None
    preferences: dict[str, bool] | None = lift({"consent": consent}, {})["consent"]
    return preferences.get(ANALYTICS) if preferences else None
