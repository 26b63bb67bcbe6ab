"""The rooms of the console and the pages of the demo shop, as a list; and the way into them."""

from __future__ import annotations

import csv
import io
import re
from contextlib import closing
from typing import NamedTuple
from urllib.parse import quote

import httpx

from browsers.demo import Demo
from browsers.engines.bidi import BidiProfile
from browsers.engines.chromium import ChromiumTab
from browsers.expecting import wait_for
from collector.store.sqlite.store import SqliteStore
from collector.store.users import Role, User


class Room(NamedTuple):
    """`path` may name `{customer}`, a buyer with a long story, and their `{device}`; `{visitor}`, who is not known yet;
    `{site}`; `{product}`, which the shop sells.
    """

    name: str
    path: str
    public: bool = False


ROOMS = (
    Room("signin", "/console/signin", public=True),
    Room("home", "/console/"),
    Room("home-quarter", "/console/?span=90"),
    Room("live", "/console/live"),
    Room("customers", "/console/customers"),
    Room("customer", "/console/customers/{customer}"),
    Room("visitors", "/console/visitors"),
    Room("visitor", "/console/customers/visitor:{visitor}"),
    Room("unlink", "/console/customers/{customer}/unlink?visitor={device}"),
    Room("erase", "/console/customers/{customer}/erase"),
    Room("install", "/console/install"),
    Room("quarantine", "/console/quarantine"),
    Room("sites", "/console/sites"),
    Room("site", "/console/sites/site/{site}"),
    Room("site-add", "/console/sites/add"),
    Room("users", "/console/users"),
    Room("audit", "/console/audit"),
    Room("account", "/console/account"),
    Room("shop", "/demo/", public=True),
    Room("shop-product", "/demo/{product}", public=True),
    Room("shop-cart", "/demo/cart", public=True),
)
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
SCHEMES = ("light", "dark")


def sign_in(profile: BidiProfile, demo: Demo) -> ChromiumTab:
    """A tab in the console. The link signs in once."""
    tab = profile.open(demo.signin_link())
    assert isinstance(tab, ChromiumTab)
    tab.click("main form button")
    wait_for(lambda: tab.evaluate("location.pathname") == "/console/", lambda: "the link did not sign in")
    return tab


def subjects(demo: Demo) -> dict[str, str]:
    """What rooms are about, in this demo; its staff are there from now on."""
    with closing(SqliteStore.open(str(demo.db))) as store:
        for name, role in (("anna@heron.example", Role.OWNER), ("ben@heron.example", Role.SUPPORT)):
            store.add_user(User(name=name, role=role, password="none", created=1_790_000_000_000))
    buyer = demo.answer("/api/customers?sort=orders&limit=1")["customers"][0]["key"]
    device = demo.answer(f"/api/customers/{buyer}")["visitors"][0]["visitor"]
    events = csv.DictReader(io.StringIO(demo.ask("/api/export/events?format=csv&resolve=1").text))
    stranger = next(row["visitor"] for row in events if row["visitor"] and not row["customer"])
    front = httpx.get(f"{demo.shop}/").text
    product = re.search(r'href="/demo/(p/[^"]+)"', front)
    assert product is not None
    names = {"customer": buyer, "device": device, "visitor": stranger, "site": demo.site}
    return {name: quote(text, safe="") for name, text in names.items()} | {"product": product[1]}
