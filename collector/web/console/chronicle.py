"""A customer's story as it is shown: events as sentences, gathered by visit, each visit with where it came from.

What enters: a page of a story, and the names of devices. What leaves: visits with steps, newest first. It asks nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from collector import trouble
from collector.store import Activity
from collector.store.dossier import Device, Landing, Story
from collector.web.console import amounts
from collector.web.console.telling import order_of, tell, tell_order_again
from collector.web.times import iso

CAME = {
    "direct": "Came directly",
    "search": "From a search",
    "social": "From social media",
    "email": "From a mailing",
    "paid": "From an advertisement",
    "referral": "From another site",
    "internal": "Went on in the shop",
    "ai": "From an AI assistant",
}
_ORDERED = "Order Completed"
_GOOD = frozenset({_ORDERED, "Signed Up"})
_PRICED = frozenset(
    {"Product Viewed", "Product Clicked", "Product Added", "Product Removed", "Product Added to Wishlist"}
)
_RAW_MAX = 20_000


class Step(Struct, frozen=True, kw_only=True):
    """One event. `tone` is good, bad, accent (staff) or ''; `raw` is everything that is known of it, as JSON."""

    seq: int
    time: int
    says: str
    price: str
    tone: str
    staff: bool
    url: str
    raw: str


class Visit(Struct, frozen=True, kw_only=True):
    """Steps of one visit, newest first; or steps that are in none, such as the back end's: `landing` is None.

    `earlier`: a part of a visit of which the page has shown the later part, something else between them.
    """

    device: str
    site: str
    landing: Landing | None
    came: str
    referrer: str
    campaign: str
    earlier: bool
    steps: tuple[Step, ...]


def chronicle(story: Story, devices: Mapping[str, str]) -> list[Visit]:
    """The page's events by visit. `devices` are the names of the customer's visitors."""
    again = _told_again(story.events)
    shown: set[str] = set()
    visits = []
    for run in _runs(story.events):
        first, visit = run[0], run[0].visit or ""
        device = devices.get(first.visitor, "Another device") if first.visitor else ""
        steps = tuple(_step(event, event.seq in story.staff, again.get(event.seq)) for event in run)
        visits.append(_visit(first, story.visits.get(visit), device, steps, visit in shown))
        shown.add(visit)
    return visits


def device_name(device: Device) -> str:
    """`Firefox 153 on Windows 11`, as far as it is known."""
    named = " on ".join(part for part in (device.browser, device.os) if part)
    return named or device.device.capitalize() or "Unknown device"


def device_names(devices: Sequence[Device]) -> dict[str, str]:
    """A name for each visitor; where two would be alike their ids tell them apart."""
    named = {device.visitor: device_name(device) for device in devices}
    alike = [name for name in named.values() if list(named.values()).count(name) > 1] if len(named) < 60 else []
    return {visitor: f"{name} ({visitor[:6]})" if name in alike else name for visitor, name in named.items()}


def host_of(url: str) -> str:
    """The host of an address, without www."""
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def campaign_name(campaign: Mapping[str, str]) -> str:
    """`may-sale (newsletter, email)`, as far as it is said."""
    name = campaign.get("name", "")
    rest = ", ".join(campaign[part] for part in ("source", "medium") if campaign.get(part))
    return f"{name} ({rest})" if name and rest else name or rest


def _runs(events: Sequence[Activity]) -> list[list[Activity]]:
    """Events that are told together: those of one visit, and with them what was in no visit but happened amid it."""
    runs: list[list[Activity]] = []
    for _, grouped in groupby(events, lambda event: (event.visit, event.visitor)):
        run = list(grouped)
        if len(runs) > 1 and _amid(runs[-1][0], runs[-2][0], run[0]):
            between = runs.pop()
            runs[-1] += between + run
        else:
            runs.append(run)
    return runs


def _amid(between: Activity, after: Activity, before: Activity) -> bool:
    same = before.visit is not None and (before.visit, before.visitor) == (after.visit, after.visitor)
    return same and between.visit is None and between.visitor in (None, before.visitor)


def _told_again(events: Sequence[Activity]) -> dict[int, str]:
    """By seq, sentences for calls about an order that another call tells: a browser's goes before, then the first."""
    calls = [event for event in events if event.type == "track" and event.name == _ORDERED]
    first: dict[tuple[str, str], Activity] = {}
    again: dict[int, str] = {}
    for event in sorted(calls, key=lambda event: (event.visitor is None, event.time, event.seq)):
        number = order_of(event.properties)
        before = first.setdefault((event.site, number), event)
        if number and before is not event:
            by_shop = event.visitor is None and before.visitor is not None
            again[event.seq] = tell_order_again(event.properties, by_shop=by_shop)
    return again


def _visit(first: Activity, landing: Landing | None, device: str, steps: tuple[Step, ...], earlier: bool) -> Visit:
    return Visit(
        device=device,
        site=first.site,
        landing=landing,
        came=CAME.get(landing.channel, "") if landing else "",
        referrer=host_of(landing.referrer) if landing and landing.channel != "internal" else "",
        campaign=campaign_name(landing.campaign) if landing else "",
        earlier=earlier,
        steps=steps,
    )


def _step(event: Activity, staff: bool, again: str | None) -> Step:
    properties = _read(event.properties)
    bad = trouble.told_by(event.type, event.name, properties)
    return Step(
        seq=event.seq,
        time=event.time,
        says=again or tell(event.type, event.name, event.properties, url=event.url, title=event.title),
        price=_price(event.name, properties),
        tone="accent" if staff else "bad" if bad else "good" if event.name in _GOOD and not again else "",
        staff=staff,
        url=event.url if event.type in ("page", "screen") else "",
        raw=_raw(event, properties),
    )


def _price(name: str, properties: dict[str, Any]) -> str:
    currency = properties.get("currency")
    return amounts.money(properties.get("price"), str(currency or "").upper()) or "" if name in _PRICED else ""


def _raw(event: Activity, properties: dict[str, Any]) -> str:
    """The event for whoever wants to see it all."""
    shown = {
        "id": event.id,
        "seq": event.seq,
        "type": event.type,
        "name": event.name,
        "time": iso(event.time),
        "received": iso(event.received),
        "site": event.site,
        "visitor": event.visitor,
        "visit": event.visit,
        "customer": event.customer,
        "why": event.why,
        "url": event.url,
        "title": event.title,
        "referrer": event.referrer,
        "channel": event.channel,
        "campaign": event.campaign,
        "properties": properties,
    }
    text = msgspec.json.format(
        msgspec.json.encode({name: each for name, each in shown.items() if each}), indent=2
    ).decode()
    return text if len(text) <= _RAW_MAX else text[:_RAW_MAX] + "\n…"


def _read(properties: str) -> dict[str, Any]:
    """What cannot be read was not said."""
    try:
        read: dict[str, Any] = msgspec.json.decode(properties, type=dict[str, Any]) if properties else {}
    except (msgspec.DecodeError, ArithmeticError):
        return {}
    return read
