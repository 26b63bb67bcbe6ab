"""The read models as the JSON of the API: the contract's spelling, times in ISO 8601.

What enters: what the store read. What leaves: plain values that are JSON, or the response that carries them.
It asks nothing of anybody.
"""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from collector.store import (
    Activity,
    ActivityPage,
    Claimed,
    CustomerPage,
    CustomerRow,
    JoinedVisitor,
    OrderTotals,
    Profile,
)
from collector.web.times import iso

# What is read is about people: no proxy and no browser may keep it, nor take it for a page.
PRIVATE = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


def reply(value: Any) -> Response:
    """200 with `value` as JSON."""
    return Response(msgspec.json.encode(value), media_type="application/json", headers=PRIVATE)


def profile(of: Profile) -> dict[str, Any]:
    """One customer, or one visitor by `visitor:`."""
    return {
        "key": of.key,
        "kind": of.kind,
        "ids": of.ids,
        "traits": of.traits,
        "first_seen": _time(of.first_seen),
        "last_seen": _time(of.last_seen),
        "visitors": [_joined(each) for each in of.visitors],
        "claimed": [_claimed(each) for each in of.claimed],
        "orders": _orders(of.orders),
        "money": of.money,
        "consent": of.consent,
        "events": of.events,
    }


def activity(page: ActivityPage) -> dict[str, Any]:
    """One page of a timeline."""
    return {"events": [_event(each) for each in page.events], "next": page.next}


def customers(page: CustomerPage) -> dict[str, Any]:
    """One page of the list of customers."""
    return {"customers": [_row(each) for each in page.customers], "next": page.next}


def _event(of: Activity) -> dict[str, Any]:
    shown = {name: getattr(of, name) for name in of.__struct_fields__}
    properties = msgspec.Raw(of.properties or "{}")
    return shown | {"time": iso(of.time), "received": iso(of.received), "properties": properties}


def _row(of: CustomerRow) -> dict[str, Any]:
    shown = {name: getattr(of, name) for name in of.__struct_fields__}
    seen = {"first_seen": _time(of.first_seen), "last_seen": _time(of.last_seen)}
    return shown | seen | {"orders": _orders(of.orders)}


def _joined(of: JoinedVisitor) -> dict[str, Any]:
    return {
        "visitor": of.visitor,
        "customer": of.customer,
        "from": iso(of.from_time),
        "to": _time(of.to_time),
        "why": of.why,
        "strength": of.strength,
        "evidence": of.evidence,
    }


def _claimed(of: Claimed) -> dict[str, Any]:
    return {"visitor": of.visitor, "time": iso(of.time), "evidence": of.evidence}


def _orders(of: OrderTotals) -> dict[str, Any]:
    return {"count": of.count, "unconfirmed": of.unconfirmed, "first": _time(of.first), "last": _time(of.last)}


def _time(ms: int | None) -> str | None:
    return None if ms is None else iso(ms)
