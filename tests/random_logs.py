"""Random logs of a small, busy shop: few visitors, few customers, few distinct times, so that everything collides.

Hypothesis draws; events leave, with what staff said between them. It knows no store and no rule.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from collector.event import DAY_MS, MINUTE_MS, Campaign, Event, Trust

START = 1_790_000_000_000
VISITORS = ("v1", "v2", "7d3f8e62-0b6f-4a2e-9c53-0d2f9a1b0c11")
USERS = ("A", "B", "C")
CROWD = (*USERS, "D", "E", "F", "G")
EMAILS = ("a@x", "b@x", "c@x")
ORDERS = ("1001", "1002")
SITES = {"other": "S", "shop": ""}
# Message ids whose order as text, as bytes and as arrival differ.
IDS = (
    *(f"{n:08x}-0000-4000-8000-00000000000{n:x}" for n in range(16)),
    *(f"{n:08X}-ABCD-4000-8000-00000000000{n:X}" for n in range(10, 14)),
    *(f"m{n}" for n in range(14)),
    *(f"é{n}" for n in range(2)),
    *(f"{n}" for n in range(6)),
)


@dataclass(frozen=True)
class StaffAct:
    """Staff take something apart: `what` chooses among what there is to take apart at that moment."""

    what: int
    time: int


def moments() -> st.SearchStrategy[int]:
    """Ten-minute steps, so that gaps of exactly half an hour happen; a millisecond off; days apart."""
    days = st.sampled_from([0, 0, 0, 0, 1, 2])
    steps = st.integers(0, 12)
    off = st.sampled_from([0, 0, 0, 0, -1, 1])
    return st.builds(lambda d, s, o: START + d * DAY_MS + s * 10 * MINUTE_MS + o, days, steps, off)


BARE = {"user": None, "email": None}
KINDS: dict[str, tuple[str, str, int]] = {
    # what: (type, name, weight)
    "page": ("page", "", 6),
    "screen": ("screen", "", 1),
    "landing": ("page", "", 3),
    "custom": ("track", "Quiz Taken", 2),
    "identify": ("identify", "", 6),
    "sign in": ("track", "Signed In", 3),
    "sign up": ("track", "Signed Up", 2),
    "sign out": ("track", "Signed Out", 4),
    "order": ("track", "Order Completed", 6),
    "update": ("track", "Order Updated", 2),
    "ship": ("track", "Order Shipped", 1),
    "refund": ("track", "Order Refunded", 2),
    "cancel": ("track", "Order Cancelled", 1),
    "checkout": ("track", "Checkout Started", 1),
    "mail": ("track", "Email Opened", 1),
    "alias": ("alias", "", 2),
    "staff": ("track", "Note Added", 1),
}
WEIGHED = [what for what, (_, _, weight) in KINDS.items() for _ in range(weight)]
ABOUT_ORDERS = {"order", "update", "ship", "refund", "cancel", "checkout"}
WITH_EMAIL = {"identify", "sign in", "sign up", "order", "update", "checkout", "mail", "refund"}


@st.composite
def calls(draw: st.DrawFn, users: tuple[str, ...] = USERS, visitors: tuple[str, ...] = VISITORS) -> dict[str, Any]:
    """The fields of one event, but for `received`."""
    what = draw(st.sampled_from(WEIGHED))
    kind, name, _ = KINDS[what]
    site = draw(st.sampled_from(["shop"] * 7 + ["other"]))
    server = what == "staff" or draw(st.integers(0, 9)) < (8 if what == "alias" else 3)
    visitor = draw(st.sampled_from([*visitors, None])) if server else draw(st.sampled_from(visitors))
    user, email = _named(draw, what, users)
    fields: dict[str, Any] = {
        "site": site, "space": SITES[site], "type": kind, "name": name,
        "visitor": visitor, "user": user, "email": email,
        "id": draw(st.sampled_from(IDS)), "time": draw(moments()), "trust": _trust(draw, server, user, email),
        "staff": what == "staff" or (server and draw(st.integers(0, 19)) == 0),
    }  # fmt: skip
    if what == "alias":
        fields["previous"] = draw(st.sampled_from([p for p in (*visitors, *users) if p != user]))
    if what in ("landing", "page", "mail", "order") and draw(st.booleans()):
        fields["campaign"] = draw(_campaigns())
    fields["properties"] = _properties(draw, what, email)
    return fields


def _named(draw: st.DrawFn, what: str, users: tuple[str, ...]) -> tuple[str | None, str | None]:
    user = draw(st.sampled_from(users))
    email = draw(st.sampled_from(EMAILS))
    if what == "alias":
        return user, None
    often = what in ("identify", "sign in", "sign up")
    named = draw(st.sampled_from(("user", "email", "both") if often else ("nobody", "nobody", "email", "user", "both")))
    return (
        user if named in ("user", "both") else None,
        email if named in ("email", "both") and what in WITH_EMAIL else None,
    )


def _trust(draw: st.DrawFn, server: bool, user: str | None, email: str | None) -> Trust:
    if server:
        return Trust.SERVER
    unsure = draw(st.integers(0, 9))
    if unsure == 0 and (user or email):
        return Trust.CLAIMED
    return Trust.SIGNED if unsure == 1 and user else Trust.BROWSER


@st.composite
def _campaigns(draw: st.DrawFn) -> Campaign:
    word = st.sampled_from(["", "", "g", "f"])
    return Campaign(source=draw(word), medium=draw(word), term=draw(word), click_id=draw(word))


def _properties(draw: st.DrawFn, what: str, email: str | None) -> str:
    said: dict[str, Any] = {"email": email} if email else {}
    if what == "identify":
        said |= {"name": draw(st.sampled_from(["Ann", "Bea"]))} if draw(st.booleans()) else {}
    elif what in ABOUT_ORDERS or (what == "page" and draw(st.integers(0, 5)) == 0):
        said["order_id"] = draw(st.sampled_from(ORDERS))
        if draw(st.booleans()):
            said |= {"total": draw(st.sampled_from(["10.00", "25.50", "7.10"])), "currency": "EUR"}
        if draw(st.integers(0, 3)) == 0:
            said["updated_at"] = draw(st.sampled_from(["2026-09-21T13:00:00Z", "2026-09-22T13:00:00Z"]))
        if what == "refund" and draw(st.booleans()):
            said["refund_id"] = draw(st.sampled_from(["r1", "r2"]))
        if what == "update" and draw(st.booleans()):
            said["status"] = draw(st.sampled_from(["packed", "cancelled"]))
    return json.dumps(said) if said else ""


@st.composite
def logs(draw: st.DrawFn, calls_max: int = 16) -> list[Event]:
    """Events in the order of their arrival; `received` is different for each, and tells them apart."""
    crowded = draw(st.integers(0, 7)) == 0
    of = calls(CROWD, VISITORS[:1]) if crowded else calls()
    drawn = draw(
        st.lists(
            of,
            min_size=1,
            max_size=calls_max * 2 if crowded else calls_max,
            # Both kinds of key may know an id, but never two sites: such twins have no order among themselves.
            unique_by=lambda c: (c["trust"] is Trust.SERVER, c["id"]),
        )
    )
    return [Event(**fields, received=START + 30 * DAY_MS + n) for n, fields in enumerate(drawn)]


def staff_acts() -> st.SearchStrategy[StaffAct]:
    return st.builds(StaffAct, st.integers(0, 40), moments())
