"""The believable shop: yields the event mix of `mix.json`, the same events at each run.

Enters: a number of events. Leaves: `Event` structs in commit order, their visitors interleaved as in a live shop.
A returning visitor is drawn from all past visits, so that visits a visitor have a heavy tail (Yule-Simon process).
It knows nothing of stores: whoever fills one turns an `Event` into rows or calls.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import msgspec

MIX: dict[str, Any] = json.loads(Path(__file__).with_name("mix.json").read_text())
HOST = "https://www.shop.example"
DRAW_BITS = 16  # a pool is spread over 65,536 slots once, then drawn from with one getrandbits
T = TypeVar("T")
Told = tuple[str, str | None, str]  # type, name, properties

Page = tuple[str, str]  # url, title
Campaign = tuple[str, str, str]  # source, medium, name
Setup = tuple[str, ...]  # in the order of "setups" in mix.json


class Event(msgspec.Struct, frozen=True, gc=False):
    """Times are Unix ms; `network` is the IPv4 address with its last byte zeroed; `properties` is JSON text."""

    message_id: str
    site: str
    secret: bool
    type: str
    name: str | None
    visitor: str | None
    person: str | None
    time: int
    received: int
    page: Page | None
    referrer: str | None
    campaign: Campaign | None
    setup: Setup | None
    network: str | None
    properties: str


class Visitor(msgspec.Struct, gc=False):
    id: str
    site: str
    setup: Setup
    network: str
    person: str | None = None


class Visit(msgspec.Struct, gc=False):
    visitor: Visitor
    events_left: int
    referrer: str | None
    campaign: Campaign | None
    page: Page | None = None


class Shop(Random):
    """The pools that events draw from, the past visits, and what each call tells."""

    def __init__(self, mix: dict[str, Any]) -> None:
        super().__init__(mix["seed"])
        amounts, categories, lag, setup = mix["pools"], mix["categories"], mix["lag_ms"], mix["setups"]
        self.visits, self.past, self.people, self.orders = mix["visits"], list[Visitor](), 0, 0
        self.page_share = mix["page_with_properties_percent"] / 100
        self.back_end_share = mix["order_from_back_end_percent"] / 100
        self.products = [
            f'{{"product_id":"P{n}","sku":"{n}-{self.choice(("BL", "GR", "RD"))}-M",'
            f'"category":"{self.choice(categories)}","price":{self.randrange(495, 29995) / 100}'
            for n in range(10_000, 10_000 + amounts["products"])
        ]
        pages: list[Page] = [
            (f"{HOST}/p/{10_000 + n}-a-named-thing", f"Thing {n} | Shop") for n in range(amounts["products"])
        ]
        pages += [(f"{HOST}/c/{self.choice(categories)}?page={n}", f"Page {n}") for n in range(amounts["lists"])]
        pages += [(f"{HOST}/guide/{n}", f"Guide {n}: how to choose a thing") for n in range(amounts["articles"])]
        self.pages = self.spread([(f"{HOST}/", "Shop"), *self.sample(pages, len(pages))])
        self.referrers = self.spread([f"https://site-{n}.example/" for n in range(amounts["referrers"])])
        media = ("cpc", "email", "social", "affiliate")
        campaigns = range(amounts["campaigns"])
        self.campaigns = self.spread([(f"source-{n % 9}", media[n % 4], f"2026-{n}") for n in campaigns])
        parts = list(setup["parts"].values())
        setups = [tuple(self.choice(part) for part in parts) for _ in range(setup["distinct"])]
        self.setups = self.spread(list(dict.fromkeys(setups)))
        bytes_ = (range(1, 224), range(256), range(256))
        networks = [".".join(str(self.choice(byte)) for byte in bytes_) + ".0" for _ in range(amounts["networks"])]
        self.networks = self.choices(networks, k=1 << DRAW_BITS)
        self.sites, self.names, self.calls = map(self.weigh, (mix["sites"], mix["names"], mix["calls"]))
        lag_means = self.choices((lag["mean"], lag["late_mean"]), (99, lag["late_percent"]), k=1 << DRAW_BITS)
        self.lags_ms = [int(self.expovariate(1 / mean)) for mean in lag_means]
        self.gaps_ms = [round(self.expovariate(mix["events_per_day"] / 86_400_000)) for _ in range(1 << DRAW_BITS)]

    def spread(self, pool: Sequence[T]) -> list[T]:
        """The n-th of the pool comes up in proportion to 1/(n + 3)."""
        return self.choices(pool, [1 / (n + 3) for n in range(len(pool))], k=1 << DRAW_BITS)

    def weigh(self, weights: Mapping[str, int]) -> list[str]:
        return self.choices(list(weights), list(weights.values()), k=1 << DRAW_BITS)

    def draw(self, pool: Sequence[T]) -> T:
        return pool[self.getrandbits(DRAW_BITS)]

    def uuid4(self) -> str:
        h = f"{self.getrandbits(128):032x}"
        return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-{'89ab'[int(h[16], 16) & 3]}{h[17:20]}-{h[20:]}"

    def percent(self, key: str) -> bool:
        return self.random() * 100 < float(self.visits[key])

    def visit(self) -> Visit:
        if self.past and self.percent("returning_percent"):
            visitor = self.choice(self.past)
        else:
            visitor = Visitor(self.uuid4(), self.draw(self.sites), self.draw(self.setups), self.draw(self.networks))
        self.past.append(visitor)
        more = 0 if self.percent("one_event_percent") else self.expovariate(1 / (self.visits["other_mean_events"] - 1))
        referrer = None if self.percent("direct_percent") else self.draw(self.referrers)
        campaign = self.draw(self.campaigns) if self.percent("campaign_percent") else None
        return Visit(visitor, 1 + round(more), referrer, campaign)

    def product(self) -> str:
        """Six properties, about 110 bytes."""
        product = self.products[self.getrandbits(DRAW_BITS) % len(self.products)]
        return f'{product},"quantity":{1 + self.getrandbits(1)},"position":{self.getrandbits(5)}}}'

    def page(self, visit: Visit) -> Told:
        if visit.page is not None:
            visit.referrer = visit.campaign = None
        visit.page = self.draw(self.pages)
        return "page", None, self.product() if self.random() < self.page_share else "{}"

    def track(self, visit: Visit) -> Told:
        return "track", self.draw(self.names), self.product()

    def identify(self, visit: Visit) -> Told:
        if visit.visitor.person is None:
            self.people += 1
            visit.visitor.person = str(100_000 + self.people)
        n = visit.visitor.person
        return "identify", None, f'{{"email":"customer.{n}@mail.example","firstName":"Jane","lastName":"Doe {n}"}}'

    def order(self, visit: Visit) -> Told:
        self.orders += 1
        lines = ",".join(self.product() for _ in range(1 + self.getrandbits(2)))
        head = f'"order_id":"{1_000_000 + self.orders}","revenue":{self.randrange(995, 59995) / 100}'
        return "track", "Order Completed", f'{{{head},"currency":"EUR","products":[{lines}]}}'


def events(count: int, mix: dict[str, Any] = MIX) -> Iterator[Event]:
    """The first `count` events of the mix, in the order in which a collector commits them."""
    return islice(stream(Shop(mix), mix["start_ms"]), count)


def stream(shop: Shop, received: int) -> Iterator[Event]:
    tell = {"page": shop.page, "track": shop.track, "identify": shop.identify, "order": shop.order}
    draw, calls, gaps, lags = shop.getrandbits, shop.calls, shop.gaps_ms, shop.lags_ms
    visits = [shop.visit() for _ in range(shop.visits["open"])]
    while True:
        received += gaps[draw(DRAW_BITS)]
        slot = draw(DRAW_BITS) % len(visits)
        visit = visits[slot]
        if visit.events_left == 0:
            visit = visits[slot] = shop.visit()
        visit.events_left -= 1
        call, who, time = calls[draw(DRAW_BITS)], visit.visitor, received - lags[draw(DRAW_BITS)]
        type_, name, properties = tell[call](visit)
        caller: tuple[Any, ...]
        seen: tuple[Any, ...]
        if call == "order" and shop.random() < shop.back_end_share:
            order, person = 1_000_000 + shop.orders, who.person or f"guest.{shop.orders}@mail.example"
            caller = (f"shop:order:{order}:1", who.site, True, type_, name, None, person)
            seen = (None, None, None, None, None)
        else:
            caller = (shop.uuid4(), who.site, False, type_, name, who.id, who.person)
            seen = (visit.page, visit.referrer, visit.campaign, who.setup, who.network)
        yield Event(*(*caller, time, received, *seen, properties))
