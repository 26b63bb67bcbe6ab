"""A believable quarter of a shop, made up: who comes, how often, and what for.

What enters: how many browsers, a seed, the quarter's end and the shop's address. What leaves: the requests that a
collector would have received, in their order, and the shop's own books. The same input makes the same quarter.
"""

from __future__ import annotations

from random import Random

from msgspec import Struct

from collector.demo import back_end, people
from collector.demo.basket import Basket, Line
from collector.demo.catalogue import PRODUCTS
from collector.demo.landings import Landing
from collector.demo.mishaps import mishaps
from collector.demo.people import Browser, pick
from collector.demo.records import Account, Sold
from collector.demo.rhythm import Quarter
from collector.demo.shopper import Plan, Shopper, Town
from collector.demo.walk import Sent, Walk
from collector.event import DAY_MS, MINUTE_MS

__all__ = ["Past", "Sent", "quarter"]

JUST_NOW = 6
USUAL = 2_500  # the number of browsers for which the shop's own doings are measured
_KINDS = (("passer-by", 620), ("looker", 240), ("subscriber", 60), ("guest", 28), ("member", 52))


class Past(Struct, frozen=True):
    """The requests in order of arrival, and what the shop's own books say by then."""

    sent: list[Sent]
    accounts: list[Account]
    orders: list[Sold]


def quarter(visitors: int, seed: int, now: int, url: str) -> Past:
    """The 91 days before `now` (ms), with about so many browsers; `url` is the shop's, without a slash at the end."""
    chance = Random(seed)
    town = Town(chance, Quarter(now), url)
    left, shared = visitors - _come_just_now(town, visitors), None
    while left > 0:
        kind = pick(chance, _KINDS)
        at = town.quarter.moment(chance)
        browsers = _browsers(chance, kind, at, shared)
        shopper = Shopper(town, browsers)
        shared = browsers[0] if kind == "member" else shared
        left -= len(browsers)
        shopper.live(_plans(town, kind, at, len(browsers)))
    if visitors:
        _trade_in_the_shop(town)
        _change_prices(town)
    sent = town.sent + mishaps(town.quarter, chance, url, min(1.0, visitors / USUAL))
    return Past(
        sorted((one for one in sent if one.received <= now), key=lambda one: one.received),
        [account for account in town.accounts if account.at <= now],
        [order for order in town.orders if order.at <= now],
    )


def _come_just_now(town: Town, visitors: int) -> int:
    """A few come in the last minutes, so that something is going on; returns how many."""
    number = min(visitors, JUST_NOW)
    for _ in range(number):
        at = town.quarter.now - town.chance.randint(1, 12) * MINUTE_MS
        Shopper(town, _browsers(town.chance, "looker", at, None)).live([Plan(at, 0, "look")])
    return number


def _browsers(chance: Random, kind: str, at: int, shared: Browser | None) -> list[Browser]:
    """Members have up to three devices; some share the one of the member before: a family."""
    first = people.browser(chance, people.region(chance), at)
    if kind != "member":
        return [first]
    if shared and chance.random() < 0.08:
        first = shared
    more = chance.choices((0, 1, 2), (45, 42, 13))[0]
    return [first, *(people.browser(chance, first.region, at, but=first.device) for _ in range(more))]


def _plans(town: Town, kind: str, at: int, browsers: int) -> list[Plan]:
    chance = town.chance
    if kind == "passer-by":
        return [Plan(at, 0, "look")]
    if kind == "looker":
        return _visits(town, at, chance.randint(2, 6), mean_days=9)
    if kind == "subscriber":
        visits = _visits(town, at, chance.randint(1, 4), mean_days=12)
        return [*visits[:-1], Plan(visits[-1].at, 0, "subscribe")]
    if kind == "guest":
        return _guest(town, at)
    return _member(town, at, browsers)


def _visits(town: Town, at: int, number: int, mean_days: float, browsers: int = 1) -> list[Plan]:
    plans = [Plan(at, 0, "look")]
    for _ in range(number - 1):
        at = town.quarter.later(town.chance, at, mean_days)
        browser = 0 if town.chance.random() < 0.6 else town.chance.randrange(browsers)
        plans.append(Plan(at, browser, "look"))
    return plans


def _guest(town: Town, at: int) -> list[Plan]:
    """Looks about once or twice, buys; some come back for more, some open an account with the same address."""
    chance = town.chance
    visits = _visits(town, at, chance.choice((1, 1, 2, 3)), mean_days=4)
    plans = [*visits[:-1], Plan(visits[-1].at, 0, "buy")]
    at = visits[-1].at
    if chance.random() < 0.5:
        at = town.quarter.later(chance, at, 8)
        plans.append(Plan(at, 0, "enrol"))
    if chance.random() < 0.4:
        plans.append(Plan(town.quarter.later(chance, at, 16), 0, "buy"))
    return plans


def _member(town: Town, at: int, browsers: int) -> list[Plan]:
    """Opens an account sooner or later, comes back on this device or that, buys now and then."""
    chance = town.chance
    visits = _visits(town, at, 3 + int(chance.expovariate(0.25)), 8, browsers)
    enrols = chance.choice((0, 1, 1, 2))
    plans = []
    for n, visit in enumerate(visits):
        buys = n >= enrols and chance.random() < 0.34
        purpose = "enrol" if n == enrols else "buy" if buys else "look"
        plans.append(Plan(visit.at, visit.browser, purpose))
    return plans


def _trade_in_the_shop(town: Town) -> None:
    """On Saturdays customers log in on the tablet that lies in the shop: one browser of many people."""
    chance, now = town.chance, town.quarter.now
    first = town.quarter.at(chance, town.quarter.days[0])
    tablet = people.tablet(chance, people.region(chance), first)
    for day in town.quarter.saturdays():
        at = town.quarter.at(chance, day)
        customers = [account for account in town.accounts if account.at < at - DAY_MS]
        for account in chance.sample(customers, min(len(customers), chance.randint(1, 3))):
            if at < now:
                at = _serve(town, tablet, account, at, is_new=at <= first) + chance.randint(5, 20) * MINUTE_MS


def _serve(town: Town, tablet: Browser, account: Account, at: int, *, is_new: bool) -> int:
    """One customer at the tablet; returns when they are done."""
    walk = Walk(town.chance, tablet, Landing(), at, town.url, is_new=is_new)
    walk.page("login", "Log in")
    walk.look(10, 30)
    walk.page("", "Things for house and garden")
    walk.identify(account.id, {"email": account.details.email})
    walk.track("Signed In", {"method": "password"})
    product = town.chance.choice(list(PRODUCTS.values()))
    walk.look(10, 60)
    walk.page(product.path, product.name)
    walk.look(20, 90)
    if town.chance.random() < 0.6:
        variant = next(one for one in product.variants if one.in_stock)
        order = town.sell(Basket("EUR", (Line(variant.id, 1),)), account.details, account.id, walk.at)
        town.tell(order.at, back_end.in_the_shop(order), back_end.delivered(order, order.at + 1))
    walk.track("Signed Out", {})
    town.sent += walk.sent()
    return walk.at


def _change_prices(town: Town) -> None:
    """In the middle of the quarter the sale begins."""
    at = town.quarter.at(town.chance, town.quarter.days[45])
    for product in PRODUCTS.values():
        if product.sale:
            at += 1_000
            told = {"name": product.name, "price": float(product.sale["EUR"]), "currency": "EUR"}
            town.tell(at, back_end.repriced(product.id, at, told))
