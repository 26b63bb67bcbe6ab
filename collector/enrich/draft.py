"""An event in the making: a call and its arrival enter, each step fills in what it is there for, an event leaves.

It is the only mutable value of this room, and never leaves it. It knows no rule.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from collector.enrich.arrival import Arrival
from collector.event import Call, Campaign, Dropped, Event, Setup, Trust

NO_CAMPAIGN = Campaign()
NO_SETUP = Setup()

# Money may be decoded as Decimal; written as a number it keeps its digits.
_JSON = msgspec.json.Encoder(decimal_format="number")


class Draft(Struct, kw_only=True, gc=False):
    """What will be stored of `call`, as far as the steps have come.

    `nameless` is set for a cookieless visitor who has not opted in: nothing personal may be kept.
    """

    call: Call
    arrival: Arrival
    visitor: str | None
    properties: dict[str, Any]
    context: dict[str, Any]
    nameless: bool = False
    trust: Trust = Trust.BROWSER
    user: str | None = None
    email: str | None = None
    previous: str | None = None
    staff: bool = False
    channel: str = ""
    campaign: Campaign = NO_CAMPAIGN
    setup: Setup = NO_SETUP
    network: str = ""
    consent: str = ""
    refused: str = ""
    url: str = ""
    referrer: str = ""

    def event(self) -> Event:
        """The finished event."""
        call, site = self.call, self.arrival.site
        return Event(
            site=site.name,
            id=call.id,
            trust=self.trust,
            type=call.type,
            name=call.name,
            time=call.time,
            received=call.received,
            visitor=self.visitor,
            user=self.user,
            email=self.email,
            space=site.ids,
            previous=self.previous,
            staff=self.staff,
            url=self.url,
            title=call.title or "",
            referrer=self.referrer,
            channel=self.channel,
            campaign=self.campaign,
            setup=self.setup,
            network=self.network,
            consent=self.consent,
            properties=_json(self.properties),
            context=_json(self.context),
            refused=self.refused,
        )


Step = Callable[[Draft], Dropped | None]


def begin(call: Call, arrival: Arrival) -> Draft:
    """A draft of `call`, before the first step."""
    return Draft(
        call=call,
        arrival=arrival,
        visitor=call.visitor,
        properties=call.properties,
        context=call.context,
        url=call.url or "",
        referrer=call.referrer or "",
    )


def _json(fields: dict[str, Any]) -> str:
    return _JSON.encode(fields).decode() if fields else ""
