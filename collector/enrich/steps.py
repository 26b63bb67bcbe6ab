"""A decoded call and its arrival enter; the event to store leaves, or the reason why policy keeps nothing of it.

The way is a named list of pure steps, one file each, that stops at the first drop. All that they conclude is
stored with the event, so that a replay needs no clock, no network and no list of another day.
"""

from __future__ import annotations

from collector.enrich.address import shorten_address
from collector.enrich.arrival import Arrival
from collector.enrich.blur import blur_addresses
from collector.enrich.bot import drop_bot
from collector.enrich.campaign import read_campaign
from collector.enrich.consent import ask_consent
from collector.enrich.device import describe_setup
from collector.enrich.draft import Step, begin
from collector.enrich.person import name_person
from collector.enrich.referrer import choose_channel
from collector.enrich.staff import drop_staff
from collector.enrich.trust import judge_trust
from collector.event import Call, Dropped, Event

# Consent stands before staff, whose no counts as anybody's, and before person, who stands before trust: a claim that
# consent keeps out is never judged.
STEPS: tuple[Step, ...] = (
    drop_bot,
    ask_consent,
    drop_staff,
    name_person,
    judge_trust,
    shorten_address,
    describe_setup,
    read_campaign,
    choose_channel,
    blur_addresses,
)


def enrich(call: Call, arrival: Arrival) -> Event | Dropped:
    """The event to store for `call`, or why it is dropped. Never raises for anything that wire lets through."""
    draft = begin(call, arrival)
    for step in STEPS:
        dropped = step(draft)
        if dropped is not None:
            return dropped
    return draft.event()
