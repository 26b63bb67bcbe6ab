"""Visits: a visitor's events in order -> the runs that they form.

What enters: steps sorted by key. What leaves: visits, each named by its first step. It knows no store and no clock,
and nothing of who the visitor is. The fold can be entered at any visit's end, so that a new last step costs one call.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from collector.event import VISIT_GAP_MS, Campaign

# (event time in ms, messageId, 1 where it came under the secret key): the order in which everything is walked.
Key = tuple[int, str, int]

NEVER_IN_A_VISIT = frozenset({"Order Refunded", "Order Cancelled"})


class Step(Struct, frozen=True, gc=False):
    """What a visit needs to know of an event; `seq` is the caller's handle on it."""

    key: Key
    seq: int
    campaign: Campaign | None = None


class Visit(Struct, frozen=True):
    """A run of one visitor's events. `campaign` holds the last said of each of its parts."""

    first: Step
    last: Step
    events: int
    campaign: Campaign


def forms_visit(call_type: str, name: str, staff: bool) -> bool:
    """Whether an event starts or extends a visit: mail, refunds and cancellations happen without the visitor."""
    if staff:
        return False
    return not (call_type == "track" and (name in NEVER_IN_A_VISIT or name.startswith("Email ")))


def fold(steps: Iterable[Step], tail: Visit | None = None) -> list[Visit]:
    """The visits of sorted steps; with `tail`, the steps follow it and it is the first of the result."""
    visits = [tail] if tail else []
    for step in steps:
        if visits and _continues(visits[-1], step):
            visits[-1] = _extend(visits[-1], step)
        else:
            visits.append(Visit(step, step, 1, step.campaign or Campaign()))
    return visits


def goes_with(visit: Visit, step: Step) -> bool:
    """Whether a step that lies between a visit's first and last is part of it: nothing in it begins another."""
    return not _differs(visit.campaign, step.campaign)


def _continues(visit: Visit, step: Step) -> bool:
    return step.key[0] - visit.last.key[0] < VISIT_GAP_MS and not _differs(visit.campaign, step.campaign)


def _differs(last: Campaign, now: Campaign | None) -> bool:
    """A new campaign is a non-empty part that is not the visit's last; term and content only describe it."""
    if now is None:
        return False
    return (
        (now.source != "" and now.source != last.source)
        or (now.medium != "" and now.medium != last.medium)
        or (now.name != "" and now.name != last.name)
        or (now.click_id != "" and now.click_id != last.click_id)
    )


def _extend(visit: Visit, step: Step) -> Visit:
    # Within a visit a part can only be repeated or left out, so the campaign that began it stays its last.
    return replace(visit, last=step, events=visit.events + 1)
