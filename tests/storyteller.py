"""A small language to tell stories of shops in: who does what, when; then whose the events are.

Calls go into a real store as the writer would put them there. Time passes only when the story says so, and one second
at each call.
"""

from __future__ import annotations

import json
from typing import Any

from conftest import make_site

from collector.event import DAY_MS, MINUTE_MS, Campaign, Event, IdentityMode, Site, Trust
from collector.store import Activity, ActivityQuery, JoinedVisitor, Profile, Store

MORNING = 1_790_000_000_000
NOBODY = "-"


class Shop:
    """A store with one site (more by `front`), a clock, and the ways to ask whose everything is."""

    def __init__(self, store: Store, *, identity: IdentityMode = IdentityMode.OPEN) -> None:
        self.store, self.now, self.calls = store, MORNING, 0
        self.site = make_site(identity=identity)
        store.put_site(self.site)
        self.server = Teller(self, None, Trust.SERVER, self.site)

    def front(self, name: str, **rules: Any) -> Teller:
        """The back end of another site of the same shop."""
        another = make_site(name, **rules)
        self.store.put_site(another)
        return Teller(self, None, Trust.SERVER, another)

    def visitor(self, name: str = "v", trust: Trust = Trust.BROWSER, at: Teller | None = None) -> Teller:
        return Teller(self, name, trust, at.site if at else self.site)

    def passes(self, *, minutes: float = 0, days: float = 0) -> int:
        """Let time pass; returns the new time."""
        self.now += round(minutes * MINUTE_MS + days * DAY_MS)
        return self.now

    def next_visit(self) -> None:
        self.passes(days=1)

    def settle(self) -> None:
        while self.store.follow():
            pass

    def unlinks(self, key: str, visitor: str = "v") -> None:
        self.settle()
        self.store.unlink(key, visitor, self.passes(minutes=1))
        self.passes(minutes=1)

    def undoes(self, key: str, id: str) -> None:
        self.settle()
        self.store.undo_link(key, id, self.passes(minutes=1))
        self.passes(minutes=1)

    def profile(self, key: str) -> Profile:
        self.settle()
        found = self.store.profile(key)
        assert found is not None, f"nobody is {key}"
        return found

    def ids(self, key: str) -> str:
        """A customer's ids with the strength of each, its key first: '42 server, jane@x claimed'."""
        return ", ".join(f"{known.value} {known.strength}" for known in self.profile(key).ids)

    def joined(self, key: str) -> tuple[JoinedVisitor, ...]:
        return self.profile(key).visitors

    def customers(self, q: str = "") -> set[str]:
        """The keys of all customers, or of those found by `q`."""
        self.settle()
        return {row.key for row in self.store.customers(q, "last_seen", None, 100).customers}

    def activity(self, key: str) -> list[Activity]:
        """Everything that `key` has done, oldest first; nobody has done nothing."""
        self.settle()
        page = self.store.activity(key, ActivityQuery(limit=100))
        return [] if page is None else page.events[::-1]

    def timeline(self, key: str) -> str:
        """What `key` has done, oldest first: 'page, Signed In'."""
        return ", ".join(event.name or event.type for event in self.activity(key))


class Teller:
    """Whoever makes calls: a visitor's browser, or the back end."""

    def __init__(self, shop: Shop, name: str | None, trust: Trust, site: Site) -> None:
        self.shop, self.name, self.trust, self.site = shop, name, trust, site

    # What is told

    def page(self, **call: Any) -> Event:
        return self.tells("page", **call)

    def lands(self, **campaign: str) -> Event:
        """A page, reached by a campaign."""
        return self.tells("page", campaign=Campaign(**campaign))

    def identify(self, user: str | None = None, email: str | None = None, **call: Any) -> Event:
        return self.tells("identify", user=user, email=email, **call)

    def signs_in(self, user: str | None = None, email: str | None = None, **call: Any) -> Event:
        return self.track("Signed In", user=user, email=email, **call)

    def signs_up(self, user: str | None = None, email: str | None = None, **call: Any) -> Event:
        return self.track("Signed Up", user=user, email=email, **call)

    def signs_out(self, **call: Any) -> Event:
        return self.track("Signed Out", **call)

    def order(self, order_id: str, **call: Any) -> Event:
        return self.track("Order Completed", order_id=order_id, **call)

    def alias(self, previous: str, user: str, **call: Any) -> Event:
        return self.tells("alias", previous=previous, user=user, **call)

    def track(self, name: str, **call: Any) -> Event:
        """An event; what is no field of Event goes into its properties."""
        return self.tells("track", name, **call)

    def tells(self, kind: str, name: str = "", **call: Any) -> Event:
        """The call itself: stored now, at the shop's time or at `time`."""
        event = self.event(kind, name, **call)
        self.shop.store.append([event])
        return event

    def event(self, kind: str, name: str = "", **call: Any) -> Event:
        """The call, not yet stored."""
        shop = self.shop
        shop.calls += 1
        shop.passes(minutes=1 / 60)
        told = {field: call.pop(field) for field in list(call) if field not in Event.__struct_fields__}
        if kind == "identify" and name:
            told["name"], name = name, ""
        if call.get("email"):
            told["email"] = call["email"]
        fields: dict[str, Any] = {
            "site": self.site.name, "space": self.site.ids, "id": f"m{shop.calls:04}", "trust": self.trust,
            "type": kind, "name": name, "time": shop.now, "received": shop.now, "visitor": self.name,
            "properties": json.dumps(told) if told else "",
        }  # fmt: skip
        return Event(**fields | call)

    # Whose it is

    @property
    def whose(self) -> str:
        """Whose each of the visitor's events is, oldest first: 'A A - B'."""
        return " ".join(event.customer or NOBODY for event in self.shop.activity(f"visitor:{self.name}"))

    @property
    def visits(self) -> str:
        """The number of each event's visit, oldest first: '1 1 2'; '-' where an event is in none."""
        found = [event.visit for event in self.shop.activity(f"visitor:{self.name}")]
        numbers = list(dict.fromkeys(visit for visit in found if visit))
        return " ".join(str(numbers.index(visit) + 1) if visit else NOBODY for visit in found)
